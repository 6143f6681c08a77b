"""Reports that come as mails: read by their standards, and believed only with proof."""

import io
import sys
from datetime import timedelta

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from newsletter.events.applying import apply_due
from newsletter.events.bounce_mails import take_mail
from newsletter.models import EventKind as Kind
from newsletter.models import Outcome, ProviderEvent
from newsletter.sending.press import message_key
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.suppression import is_suppressed
from subscriptions.tokens import Power, sign
from tests.newsletter.events.conftest import SENT

NOW = SENT + timedelta(days=1)
NO_SUCH_USER = (
    "smtp; 550 5.1.1 <*>: Recipient address rejected: User unknown in virtual mailbox table"
)


def headers_of(delivery, *, token=None, message_id=None):
    """Return the headers of the digest that a report returns."""
    edition, reader = delivery.edition_id, delivery.subscriber
    token = token or sign(Power.LEAVE, reader.pk, edition)
    message_id = message_id or f"{edition}.{message_key(edition, reader.pk)}@example.org"
    return (
        f"From: Paperboy <daily@paperboy.example.org>\nTo: {reader.address}\n"
        f"Subject: Your papers\nMessage-ID: <{message_id}>\n"
        f"List-Unsubscribe: <https://paperboy.example.org/u/{token}/>\n"
    )


def a_bounce(delivery, status="5.1.1", said=NO_SUCH_USER, action="failed", original=None):
    """Return a delivery report as Postfix writes one (RFC 3464)."""
    address = delivery.subscriber.address
    return f"""From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: bounces@paperboy.example.org
Subject: Undelivered Mail Returned to Sender
Date: Wed, 14 Jan 2026 09:13:20 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1"

--B1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

--B1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Wed, 14 Jan 2026 09:13:00 +0000

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Diagnostic-Code: {said.replace("*", address)}

--B1
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{headers_of(delivery) if original is None else original}
--B1--
""".encode()


def a_complaint(delivery, kind="abuse"):
    """Return an abuse report as a feedback loop sends one, the recipient blacked out (RFC 5965)."""
    return f"""From: <abusedesk@example.com>
Date: Wed, 14 Jan 2026 17:40:36 +0000
Subject: FW: Your papers
To: <abuse@paperboy.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="P1"

--P1
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report.

--P1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--P1
Content-Type: message/rfc822
Content-Disposition: inline

{headers_of(delivery).replace(delivery.subscriber.address, "redacted@example.com")}
Your papers of today.
--P1--
""".encode()


@pytest.mark.parametrize(
    ("status", "said", "action", "kind"),
    [
        ("5.1.1", NO_SUCH_USER, "failed", Kind.HARD_BOUNCE),
        ("5.0.0", "smtp; 550 no", "failed", Kind.HARD_BOUNCE),
        ("5.2.2", "smtp; 552 5.2.2 over quota", "failed", Kind.SOFT_BOUNCE),
        ("4.4.1", "X-Postfix; timed out", "failed", Kind.SOFT_BOUNCE),
        ("5.4.4", "X-Postfix; host not found", "failed", Kind.SOFT_BOUNCE),
        ("5.7.26", "smtp; 550 5.7.26 DMARC", "failed", Kind.BLOCKED),
        ("4.4.1", "X-Postfix; timed out", "delayed", Kind.DEFERRED),
        ("2.0.0", "smtp; 250 OK", "delivered", Kind.DELIVERED),
        ("", "", "relayed", Kind.UNKNOWN),
    ],
)
def test_a_delivery_report_tells_what_became_of_a_mail(delivery, status, said, action, kind):
    assert take_mail(a_bounce(delivery, status, said, action), NOW) == 1
    event = ProviderEvent.objects.get()
    assert (event.kind, event.delivery_id) == (kind, delivery.pk)
    assert event.recipient == delivery.subscriber.address
    assert event.said_at.hour == 9
    assert delivery.subscriber.address not in event.raw + event.reason


def test_a_bounce_takes_the_same_way_as_an_event_of_a_provider(delivery):
    take_mail(a_bounce(delivery), NOW)
    take_mail(a_bounce(delivery), NOW)
    assert ProviderEvent.objects.count() == 1
    apply_due(NOW)
    delivery.refresh_from_db()
    assert delivery.outcome == Outcome.HARD_BOUNCE
    assert is_suppressed(delivery.subscriber.address)


def test_the_message_id_alone_is_proof_too(delivery):
    original = "\n".join(
        line for line in headers_of(delivery).splitlines() if not line.startswith("List-")
    )
    assert take_mail(a_bounce(delivery, original=original), NOW) == 1


@pytest.mark.parametrize("forged", ["no headers", "another key", "another token"])
def test_a_report_that_proves_nothing_is_not_believed(delivery, forged):
    original = {
        "no headers": "",
        "another key": headers_of(
            delivery,
            message_id=f"{delivery.edition_id}.{'0' * 32}@example.org",
            token="A" * 24,
        ),
        "another token": headers_of(
            delivery, token=sign(Power.VIEW, delivery.pk), message_id="1.x@example.org"
        ),
    }[forged]
    assert take_mail(a_bounce(delivery, original=original), NOW) == 0
    assert not ProviderEvent.objects.exists()


def test_a_bounce_of_a_forwarded_mail_is_the_readers_and_not_the_strangers(delivery):
    mail = a_bounce(delivery).replace(
        f"rfc822;{delivery.subscriber.address}".encode(), b"rfc822;stranger@elsewhere.example"
    )
    assert take_mail(mail, NOW) == 1
    assert ProviderEvent.objects.get().recipient == delivery.subscriber.address


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("abuse", Kind.COMPLAINED),
        ("not-spam", Kind.NOT_SPAM),
        ("auth-failure", Kind.UNKNOWN),
    ],
)
def test_an_abuse_report_is_a_complaint_of_the_reader_whose_mail_it_returns(delivery, kind, meant):
    assert take_mail(a_complaint(delivery, kind), NOW) == 1
    event = ProviderEvent.objects.get()
    assert (event.kind, event.delivery_id) == (meant, delivery.pk)
    assert event.recipient == delivery.subscriber.address


def test_a_mail_with_the_token_in_its_subject_unsubscribes(delivery):
    reader = delivery.subscriber
    token = sign(Power.LEAVE, reader.pk, delivery.edition_id)
    mail = f"From: {reader.address}\nTo: leave@paperboy.example.org\nSubject: {token}\n\n"
    assert take_mail(mail.encode(), NOW) == 1
    apply_due(NOW)
    assert Subscriber.objects.get().state == SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("subject", ["unsubscribe", "A" * 30, ""])
def test_a_mail_without_a_token_unsubscribes_nobody(delivery, subject):
    mail = f"From: {delivery.subscriber.address}\nSubject: {subject}\n\nunsubscribe"
    assert take_mail(mail.encode(), NOW) == 0


def test_a_mail_that_a_machine_answered_unsubscribes_nobody(delivery):
    token = sign(Power.LEAVE, delivery.subscriber_id, delivery.edition_id)
    mail = f"Auto-Submitted: auto-replied\nSubject: {token}\n\nI am away"
    assert take_mail(mail.encode(), NOW) == 0


def test_the_pipe_reads_one_mail(delivery, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(a_bounce(delivery))))
    told = io.StringIO()
    call_command("read_bounce", stdout=told)
    assert told.getvalue() == "1 events stored.\n"


@pytest.mark.slow
@examples(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_mail_raises_an_error(delivery, data):
    whole = data.draw(st.sampled_from([a_bounce(delivery), a_complaint(delivery)]))
    cuts = st.integers(0, len(whole))
    start, end = sorted((data.draw(cuts), data.draw(cuts)))
    take_mail(whole[:start] + data.draw(st.binary(max_size=30)) + whole[end:], NOW)
