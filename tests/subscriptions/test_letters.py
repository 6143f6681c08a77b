"""A letter goes out once: claimed by one worker, fenced before the hand-over, settled after it."""

import smtplib
from datetime import timedelta
from email.errors import HeaderParseError

import lxml.html
import pytest
import structlog.testing
from anymail.exceptions import AnymailAPIError, AnymailRequestsAPIError
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from subscriptions import handover, letters
from subscriptions.addresses import BadAddress
from subscriptions.inlining import CutShort
from subscriptions.models import Letter, LetterKind, LetterState, SubscriberState, Topic
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from tests.subscriptions.readers import HOUR, NOW, a_letter, a_reader

pytestmark = pytest.mark.django_db


class Provider:
    """A mail connection that fails as told, or accepts."""

    def __init__(self, *, on_open=None, on_send=None):
        self.on_open, self.on_send, self.accepted = on_open, on_send, []

    def open(self):
        if self.on_open:
            raise self.on_open

    def send_messages(self, messages):
        if self.on_send:
            raise self.on_send
        self.accepted += messages

    def close(self):
        pass


@pytest.fixture
def provider(monkeypatch):
    def use(**failures):
        fake = Provider(**failures)
        monkeypatch.setattr(handover, "get_connection", lambda: fake)
        return fake

    return use


def send(letter, now=NOW):
    sent = letters.send(letter.pk, lambda: now)
    letter.refresh_from_db()
    return sent


def send_until_it_ends(letter):
    """Send a letter whenever it is due, for a day at most; return the waits between the attempts."""
    waits, now = [], NOW
    while letter.state == LetterState.WAITING and now < NOW + 24 * HOUR:
        send(letter, now)
        waits.append(letter.send_after - now)
        now = letter.send_after
    return waits


def refused_by_api(status):
    class Response:
        status_code, reason, text, url = status, "", "", ""
        request = None

        def json(self):
            return {}

    error = AnymailRequestsAPIError("no")
    error.response, error.status_code = Response(), status
    return error


def test_a_confirmation_names_the_choices_and_carries_no_list_headers():
    topic = Topic.objects.create(slug="vision", name="Vision")
    request_sign_up(
        "Ada@example.org", Choices(topics=(topic.pk,)), Schedule(), origin=NOWHERE, now=NOW
    )
    assert send(Letter.objects.get())
    (message,) = mail.outbox
    assert message.to == ["Ada@example.org"]
    assert "/c/" in message.body
    assert "Vision" in message.body
    mime = message.message()
    assert mime["Auto-Submitted"] == "auto-generated"
    assert mime["Date"] == "Sat, 10 Jan 2026 12:00:00 +0000"
    assert mime["List-Unsubscribe"] is None
    html = message.alternatives[0].content
    assert html.startswith("<!doctype html>")
    assert "/c/" in html
    assert 'style="' in html


@pytest.mark.parametrize("kind", [LetterKind.SIGN_UP_AGAIN, LetterKind.PREFERENCES])
def test_a_reader_is_mailed_the_links_to_preferences_and_to_leave(kind):
    send(a_letter(a_reader(), kind))
    (message,) = mail.outbox
    for part in (message.body, message.alternatives[0].content):
        assert "/p/" in part
        assert "/u/" in part


@pytest.mark.parametrize("kind", LetterKind.values)
def test_every_kind_has_a_clean_subject_and_short_lines(kind):
    states = {
        LetterKind.CONFIRM: SubscriberState.PENDING,
        LetterKind.GOODBYE: SubscriberState.UNSUBSCRIBED,
    }
    reader = a_reader(state=states.get(kind, SubscriberState.ACTIVE))
    if kind == LetterKind.CONFIRM:
        request_sign_up(reader.address, Choices(), Schedule(), origin=NOWHERE, now=NOW)
        letter = Letter.objects.get()
    else:
        letter = a_letter(reader, kind)
    send(letter)
    (message,) = mail.outbox
    assert 0 < len(message.subject) <= 60
    assert all(len(line) <= 78 for line in message.body.splitlines() if "http" not in line)
    assert "{{" not in message.body + message.alternatives[0].content


def test_two_workers_send_one_mail():
    letter = a_letter(a_reader())
    assert send(letter)
    assert not send(letter)
    assert len(mail.outbox) == 1
    assert (letter.state, letter.sent_at, letter.lease_until, letter.attempts) == (
        LetterState.SENT,
        NOW,
        None,
        1,
    )


def test_a_letter_that_is_not_due_waits():
    letter = a_letter(a_reader(), send_after=NOW + HOUR)
    assert not send(letter)
    assert letter.state == LetterState.WAITING


@pytest.mark.parametrize(
    "fields", [{"state": SubscriberState.UNSUBSCRIBED}, {"suppressed_at": NOW}]
)
def test_who_left_or_was_suppressed_meanwhile_gets_nothing(fields):
    letter = a_letter(a_reader(**fields))
    assert not send(letter)
    assert letter.state == LetterState.WITHHELD
    assert mail.outbox == []


def test_no_connection_means_later_and_later_still(provider):
    provider(on_open=ConnectionRefusedError("refused"))
    letter = a_letter(a_reader())
    send(letter)
    assert (letter.state, letter.send_after) == (LetterState.WAITING, NOW + timedelta(minutes=1))
    send(letter, NOW + timedelta(minutes=1))
    assert letter.send_after == NOW + timedelta(minutes=3)
    assert letter.attempts == 2


def test_trying_ends(provider):
    provider(on_open=ConnectionRefusedError("refused"))
    letter, now = a_letter(a_reader()), NOW
    for _attempt in range(letters.MAX_ATTEMPTS):
        send(letter, now)
        now = letter.send_after
    assert letter.state == LetterState.FAILED
    assert "refused" in letter.error


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (
            smtplib.SMTPRecipientsRefused({"ada@example.org": (550, b"no such user")}),
            LetterState.FAILED,
        ),
        (
            smtplib.SMTPRecipientsRefused({"ada@example.org": (451, b"greylisted")}),
            LetterState.WAITING,
        ),
        (smtplib.SMTPDataError(554, b"no"), LetterState.FAILED),
        (smtplib.SMTPDataError(454, b"slow down"), LetterState.WAITING),
        (smtplib.SMTPServerDisconnected("gone"), LetterState.UNCERTAIN),
        (TimeoutError("no answer"), LetterState.UNCERTAIN),
        (refused_by_api(429), LetterState.WAITING),
        (refused_by_api(401), LetterState.WAITING),
        (refused_by_api(422), LetterState.FAILED),
        (refused_by_api(500), LetterState.UNCERTAIN),
        (refused_by_api(None), LetterState.UNCERTAIN),
        (AnymailAPIError("odd"), LetterState.FAILED),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_failure_of_the_provider_is_read_for_what_it_means(provider, error, state):
    provider(on_send=error)
    letter = a_letter(a_reader())
    send(letter)
    assert letter.state == state
    assert letter.error


@pytest.mark.parametrize(
    "failure",
    [
        {
            "on_send": smtplib.SMTPRecipientsRefused(
                {"Ada@Example.org": (550, b"5.1.1 <ada%40example.org>: ask bob@example.org")}
            )
        },
        {"on_open": ConnectionRefusedError("proxy of ADA@example.org")},
        {"on_send": AnymailAPIError('{"to":"\\"ada x\\"@example.org"}')},
        {"on_send": TimeoutError("ada@xn--exmple-cua.org, ada@exämple.org")},
    ],
    ids=["SMTP", "connecting", "API", "unknown"],
)
def test_a_stored_error_and_the_log_name_no_address(provider, failure):
    provider(**failure)
    letter = a_letter(a_reader())
    with structlog.testing.capture_logs() as logged:
        send(letter)
    assert "<address>" in letter.error
    for text in (letter.error, str(logged)):
        for part in ("ada", "bob", "example", "exämple", "xn--"):
            assert part not in text.lower()


def test_an_answer_with_a_nul_character_is_stored(provider):
    provider(on_send=smtplib.SMTPDataError(554, b"no\x00 way"))
    letter = a_letter(a_reader())
    send(letter)
    assert letter.state == LetterState.FAILED


def test_a_worker_that_died_before_the_hand_over_loses_nothing():
    letter = a_letter(a_reader(), state=LetterState.CLAIMED, lease_until=NOW)
    assert letters.sweep(NOW) == [letter.pk]
    assert send(letter)


def test_a_worker_that_dies_each_time_before_the_hand_over_is_not_woken_for_ever():
    letter, now, ends = a_letter(a_reader()), NOW, 0
    while Letter.objects.claim(letter.pk, now=now, lease=letters.LEASE):
        now += letters.LEASE
        letters.sweep(now)
        ends += 1
        assert ends <= letters.MAX_ATTEMPTS
    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == (LetterState.FAILED, letters.MAX_ATTEMPTS)
    assert letter.error == "the worker stopped before the hand-over"
    assert letters.sweep(now + HOUR) == []


def test_a_worker_that_died_in_the_hand_over_leaves_an_uncertain_letter():
    letter = a_letter(a_reader(), state=LetterState.HANDING, lease_until=NOW)
    assert letters.sweep(NOW) == []
    letter.refresh_from_db()
    assert letter.state == LetterState.UNCERTAIN
    assert not send(letter)
    assert mail.outbox == []


def test_a_worker_that_slept_past_its_lease_does_not_send(monkeypatch):
    letter = a_letter(a_reader())
    times = iter([NOW, NOW + letters.LEASE])
    assert not letters.send(letter.pk, lambda: next(times))
    assert mail.outbox == []


def test_a_letter_that_cannot_be_built_fails_and_the_next_goes_out():
    broken, fine = (
        a_letter(a_reader("ada@example.org\r\nBcc: eve@example.org")),
        a_letter(a_reader("bob@example.org")),
    )
    send(broken)
    assert send(fine)
    send_until_it_ends(broken)
    assert broken.state == LetterState.FAILED
    assert [message.to for message in mail.outbox] == [["bob@example.org"]]


@pytest.mark.parametrize(
    "error",
    [
        CutShort("Inlining lost part of the mail (text)."),
        TypeError("an unexpected argument"),
        BadAddress("no such domain of <ada@example.org>"),
        HeaderParseError("Header value appears to contain an embedded header"),
        RecursionError("maximum recursion depth exceeded"),
        SoftTimeLimitExceeded(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("step", ["build", "_unwanted"])
def test_a_letter_whose_building_raises_ends_with_its_reason_while_others_go_out(
    monkeypatch, error, step
):
    broken, fine = a_letter(a_reader()), a_letter(a_reader("bob@example.org"))
    real = getattr(letters, step)

    def fail_for_one(letter, *rest):
        if letter.pk == broken.pk:
            raise error
        return real(letter, *rest)

    monkeypatch.setattr(letters, step, fail_for_one)
    waits = send_until_it_ends(broken)
    assert (broken.state, broken.attempts) == (LetterState.FAILED, letters.MAX_ATTEMPTS)
    assert broken.error.startswith(f"the mail cannot be built: {type(error).__name__}: ")
    assert "example" not in broken.error
    assert waits[:-1] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 60)]
    assert letters.sweep(NOW + 24 * HOUR) == [fine.pk]
    assert not send(broken, NOW + 24 * HOUR)
    assert send(fine)


def test_a_mail_that_cannot_be_written_as_bytes_is_not_handed_over(monkeypatch, provider):
    fake = provider()

    class Unwritable(EmailMultiAlternatives):
        def message(self, **_options):
            raise TypeError("cannot be serialized")

    monkeypatch.setattr(letters, "build", lambda *_: Unwritable())
    letter = a_letter(a_reader())
    assert not send(letter)
    assert (letter.state, letter.attempts) == (LetterState.WAITING, 1)
    assert fake.accepted == []


def test_an_unexpected_error_of_the_hand_over_leaves_an_uncertain_letter_with_its_reason(provider):
    provider(on_send=KeyError("status"))
    letter = a_letter(a_reader())
    assert not send(letter)
    assert letter.state == LetterState.UNCERTAIN
    assert letter.error == "an error came before the answer: KeyError: 'status'"


@pytest.mark.parametrize("name", ["</p><b>&amp;", "{{ x }}{% y"])
def test_a_topic_of_any_name_is_written_as_text(name):
    topic = Topic.objects.create(slug="topic", name=name)
    request_sign_up(
        "ada@example.org", Choices(topics=(topic.pk,)), Schedule(), origin=NOWHERE, now=NOW
    )
    assert send(Letter.objects.get())
    (message,) = mail.outbox
    assert name in message.body
    assert name in lxml.html.fromstring(message.alternatives[0].content).text_content()
