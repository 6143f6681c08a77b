"""Bounce mails: reports that come as mails, for those whose provider posts no events.

Delivery reports are read by RFC 3464, abuse reports by RFC 5965 and unsubscribe requests by the
token in their subject. Anybody can write to such a mailbox. So a report counts only when it
proves that it is about a mail of ours: by the signed token in the returned List-Unsubscribe header,
or by the keyed Message-ID.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import parseaddr, parsedate_to_datetime

import structlog
from django.utils.crypto import constant_time_compare

from newsletter.events.receiving import Heard, plausible, scrubbed, store, valid_address
from newsletter.events.vocabulary import refined
from newsletter.models import Delivery, EventKind
from newsletter.sending.press import message_key
from subscriptions.addresses import fold
from subscriptions.models import Subscriber
from subscriptions.redaction import stored_reason
from subscriptions.tokens import BadToken, Power, read

log = structlog.get_logger(__name__)

PROVIDER = "mailbox"
LONGEST_MAIL = 2_000_000
MOST_RECIPIENTS = 100
_LEAVE_LINK = re.compile(r"/u/([A-Za-z0-9_-]{8,200})/?>")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
_MESSAGE_ID = re.compile(r"<(\d{1,18})\.([A-Za-z0-9]{1,64})@")
_FEEDBACK = {
    "abuse": EventKind.COMPLAINED,
    "fraud": EventKind.COMPLAINED,
    "virus": EventKind.COMPLAINED,
    "other": EventKind.COMPLAINED,
    "opt-out": EventKind.UNSUBSCRIBED,
    "not-spam": EventKind.NOT_SPAM,
}
"""What the types of RFC 5965 and RFC 6430 mean."""
_ACTIONS = {
    "delayed": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
}
_SOFT_SUBJECTS = frozenset("3456")
"""The second number of a permanent status code (RFC 3463) that is no word about the mailbox: mail
system, network, protocol, content.
"""


def take_mail(content: bytes, now: datetime) -> int:
    """Store the events that a mail to the bounce mailbox tells; return how many. A mail that tells
    none, or proves nothing, is passed over.
    """
    mail = message_from_bytes(content[:LONGEST_MAIL], policy=policy.default)
    try:
        events = [*_events(mail, content, now)]
    except (MessageError, ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("bounce_mail_not_read", error=type(error).__name__)
        return 0
    store(events, now)
    log.info("bounce_mail_read", events=len(events))
    return len(events)


def _events(mail: EmailMessage, content: bytes, now: datetime) -> Iterator[Heard]:
    reported = mail.get_content_type() == "multipart/report"
    kind_of_report = str(mail.get_param("report-type", "")).lower() if reported else ""
    if kind_of_report == "delivery-status":
        told = _delivery_status(mail)
    elif kind_of_report == "feedback-report":
        told = _feedback(mail)
    elif str(mail.get("Auto-Submitted", "no")).lower() == "no":
        told = iter([(EventKind.UNSUBSCRIBED, "", "")])
    else:
        return
    about = _asked_for(mail) if not kind_of_report else _returned(mail)
    if about is None:
        log.warning("bounce_mail_proves_nothing", report=kind_of_report[:40])
        return
    reader, edition_id = about
    delivery = Delivery.objects.filter(edition=edition_id, subscriber=reader).first()
    said_at = plausible(_date(mail), now)
    for place, (kind, recipient, reason) in enumerate(told):
        ours = valid_address(recipient)
        at_reader = bool(ours) and fold(ours) == reader.address_key
        if delivery is None and not at_reader and kind != EventKind.UNSUBSCRIBED:
            continue
        yield Heard(
            provider=PROVIDER,
            kind=kind,
            said_at=said_at,
            fingerprint=hashlib.sha256(b"%d " % place + content).hexdigest(),
            recipient=ours if at_reader else "" if delivery else reader.address,
            delivery_id=delivery.pk if delivery else None,
            reason=stored_reason(reason),
            raw=scrubbed(reason[:2000]),
        )


def _delivery_status(mail: EmailMessage) -> Iterator[tuple[EventKind, str, str]]:
    """Return the kind, the recipient and the reason of each recipient of a delivery report."""
    blocks = [
        block
        for part in mail.walk()
        if part.get_content_type() == "message/delivery-status"
        for block in _blocks(part)
    ]
    for block in blocks[: MOST_RECIPIENTS + 1]:
        action = str(block.get("Action", "")).strip().lower()
        recipient = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "")
        if not action or not recipient:
            continue
        status = str(block.get("Status", "")).strip()
        answer = f"{status} {block.get('Diagnostic-Code', '')}"
        yield _kind(action, status, answer), recipient.rpartition(";")[2].strip(), answer


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _kind(action: str, status: str, answer: str) -> EventKind:
    if action != "failed":
        return _ACTIONS.get(action, EventKind.UNKNOWN)
    about_mailbox = status.startswith("5.") and status[2:3] not in _SOFT_SUBJECTS
    return refined(EventKind.HARD_BOUNCE if about_mailbox else EventKind.SOFT_BOUNCE, answer)


def _feedback(mail: EmailMessage) -> Iterator[tuple[EventKind, str, str]]:
    """Return the kind of an abuse report. Its recipient is often blacked out, and not needed."""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            fields = _inner(part)
            kind = str(fields.get("Feedback-Type", "")).strip().lower()
            yield _FEEDBACK.get(kind, EventKind.UNKNOWN), "", f"feedback type {kind}"
            return


def _inner(part: Message) -> Message:
    """Return the message inside a part, whether the parser has taken it apart or not."""
    if blocks := _blocks(part):
        return blocks[0]
    content = part.get_payload(decode=True)
    return message_from_bytes(content if isinstance(content, bytes) else b"")


def _asked_for(mail: EmailMessage) -> tuple[Subscriber, int] | None:
    """Return whom the token in the subject of an unsubscribe request names, and the edition."""
    for token in _TOKEN.findall(str(mail.get("Subject", ""))[:1000])[:5]:
        if found := _by_token(token):
            return found
    return None


def _returned(mail: EmailMessage) -> tuple[Subscriber, int] | None:
    """Return the reader and the edition of the mail of ours that a report returns."""
    for part in mail.walk():
        if part.get_content_type() not in ("message/rfc822", "text/rfc822-headers"):
            continue
        original = _inner(part)
        for token in _LEAVE_LINK.findall(_header(original, "List-Unsubscribe"))[:5]:
            if found := _by_token(token):
                return found
        if found := _by_message_id(original):
            return found
    return None


def _header(message: Message, name: str) -> str:
    """Return a header without the line breaks that a server put into it."""
    return re.sub(r"\s+", "", str(message.get(name, ""))[:2000])


def _by_token(token: str) -> tuple[Subscriber, int] | None:
    try:
        subscriber_id, edition_id = read(Power.LEAVE, token)
    except (BadToken, ValueError):
        return None
    reader = Subscriber.objects.filter(pk=subscriber_id).first()
    return (reader, edition_id) if reader is not None else None


def _by_message_id(original: Message) -> tuple[Subscriber, int] | None:
    """Find the mail by its Message-ID, which is keyed, and the reader it was to."""
    found = _MESSAGE_ID.match(_header(original, "Message-ID"))
    address = valid_address(parseaddr(str(original.get("To", "")))[1])
    if found is None or not address:
        return None
    reader = Subscriber.objects.filter(address_key=fold(address)).first()
    edition_id = int(found[1])
    if reader is None or not constant_time_compare(message_key(edition_id, reader.pk), found[2]):
        return None
    return reader, edition_id


def _date(mail: EmailMessage) -> datetime | None:
    try:
        return parsedate_to_datetime(str(mail.get("Date", "")))
    except (TypeError, ValueError):
        return None
