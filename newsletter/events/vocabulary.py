"""One vocabulary for the events of all providers.

Anymail translates each provider's events into common types. Some of these are too coarse: it calls
soft and hard bounces alike “bounced”. So the tables here read the provider's own labels, and then
the status code of the receiving mail server (RFC 3463), because labels are sometimes wrong.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

from newsletter.models import EventKind

BOUNCES = frozenset({EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE})
HARD, SOFT, BLOCKED = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.BLOCKED
REFUSED = EventKind.REFUSED

_TYPES = {
    EventType.QUEUED: EventKind.ACCEPTED,
    EventType.SENT: EventKind.ACCEPTED,
    EventType.REJECTED: REFUSED,
    EventType.FAILED: REFUSED,
    EventType.BOUNCED: SOFT,  # of a bounce without a label we know, the milder meaning
    EventType.DEFERRED: EventKind.DEFERRED,
    EventType.DELIVERED: EventKind.DELIVERED,
    EventType.OPENED: EventKind.OPENED,
    EventType.CLICKED: EventKind.CLICKED,
    EventType.COMPLAINED: EventKind.COMPLAINED,
    EventType.UNSUBSCRIBED: EventKind.UNSUBSCRIBED,
    EventType.SUBSCRIBED: EventKind.SUBSCRIBED,
}
_REJECT_REASONS = {
    RejectReason.INVALID: HARD,
    RejectReason.BOUNCED: HARD,
    RejectReason.UNSUBSCRIBED: EventKind.UNSUBSCRIBED,
}
"""Why a provider did not try at all: the address bounced before, or its owner left there."""

_LABELS: Mapping[str, Mapping[str, EventKind]] = {
    "amazon_ses": {
        "permanent": HARD,
        "transient": SOFT,
        "undetermined": SOFT,
        "not-spam": EventKind.NOT_SPAM,
    },
    "brevo": {
        "hard_bounce": HARD,
        "soft_bounce": SOFT,
        "invalid_email": HARD,
        "blocked": REFUSED,
        "unsubscribed": EventKind.UNSUBSCRIBED,
    },
    "mailersend": {"hard_bounced": HARD, "soft_bounced": SOFT},
    "mailgun": {
        "permanent": HARD,
        "temporary": EventKind.DEFERRED,
        "suppress-bounce": HARD,
        "suppress-complaint": REFUSED,
        "suppress-unsubscribe": EventKind.UNSUBSCRIBED,
    },
    "mailjet": {
        "user unknown": HARD,
        "invalid domain": HARD,
        "no mail host": HARD,
        "typofix": HARD,
        "sender blocked": BLOCKED,
        "content blocked": BLOCKED,
        "policy issue": BLOCKED,
        "relay/access denied": BLOCKED,
        "hard": HARD,
        "soft": SOFT,
    },
    "mailtrap": {"bounce": HARD, "soft bounce": SOFT},
    "mandrill": {"hard_bounce": HARD, "soft_bounce": SOFT},
    "postal": {"bounce": HARD, "hardfail": HARD},
    "postmark": {
        "hardbounce": HARD,
        "bademailaddress": HARD,
        "softbounce": SOFT,
        "blocked": BLOCKED,
        "dmarcpolicy": BLOCKED,
        "spamnotification": BLOCKED,
        "virusnotification": BLOCKED,
    },
    "resend": {
        "permanent": HARD,
        "transient": SOFT,
        "undetermined": SOFT,
        "email.failed": REFUSED,
        "email.suppressed": REFUSED,
    },
    "sendgrid": {
        "bounce": HARD,
        "blocked": BLOCKED,
        "invalid address": HARD,
        "reputation": BLOCKED,
        "content": BLOCKED,
        "mailbox unavailable": SOFT,
        "technical": SOFT,
        "frequency or volume too high": SOFT,
    },
    "sparkpost": {
        "1": SOFT,
        "10": HARD,
        "30": HARD,
        **dict.fromkeys(("20", "21", "22", "23", "24", "40", "70"), SOFT),
        **dict.fromkeys(("25", "50", "51", "52", "53", "54"), BLOCKED),
        "not-spam": EventKind.NOT_SPAM,
    },
    "unisender_go": {
        **dict.fromkeys(("err_user_unknown", "err_user_inactive", "err_domain_inactive"), HARD),
        **dict.fromkeys(("err_spam_rejected", "err_blacklisted", "err_spam_skipped"), BLOCKED),
        "err_will_retry": EventKind.DEFERRED,
        "err_unsubscribed": EventKind.UNSUBSCRIBED,
        "hard_bounced": HARD,
        "soft_bounced": SOFT,
    },
}
"""What each provider's own label means, in small letters. It goes before Anymail's type."""


def _at(raw: Any, *path: str) -> Any:
    """Return what lies at a path of keys in nested dictionaries; None where there is no such."""
    for key in path:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _mailjet(raw: Any) -> list[Any]:
    if _at(raw, "event") not in ("bounce", "blocked"):
        return []
    hard = "hard" if _at(raw, "hard_bounce") is True else "soft"
    return [_at(raw, "error"), hard if _at(raw, "event") == "bounce" else None]


def _postmark(raw: Any) -> list[Any]:
    return [_at(raw, "Type")] if _at(raw, "RecordType") == "Bounce" else []


def _postal(raw: Any) -> list[Any]:
    payload = _at(raw, "payload")
    bounced = isinstance(payload, dict) and "bounce" in payload
    return ["bounce" if bounced else _at(payload, "status")]


def _sendgrid(raw: Any) -> list[Any]:
    if _at(raw, "event") != "bounce":
        return []
    return [_at(raw, "bounce_classification"), _at(raw, "type"), "bounce"]


def _mailgun(raw: Any) -> list[Any]:
    data = _at(raw, "event-data")
    if _at(data, "event") != "failed":
        return []
    return [_at(data, "reason"), _at(data, "severity")]


def _unisender_go(raw: Any) -> list[Any]:
    return [_at(raw, "delivery_info", "delivery_status"), _at(raw, "status")]


def _sparkpost(raw: Any) -> list[Any]:
    body = _at(raw, "msys")
    event = next(iter(body.values()), None) if isinstance(body, dict) else None
    complaint = _at(event, "type") == "spam_complaint"
    return [_at(event, "fbtype") if complaint else _at(event, "bounce_class")]


_READERS: Mapping[str, Callable[[Any], list[Any]]] = {
    "amazon_ses": lambda raw: [
        _at(raw, "bounce", "bounceType"),
        _at(raw, "complaint", "complaintFeedbackType"),
    ],
    "brevo": lambda raw: [_at(raw, "event")],
    "mailersend": lambda raw: [_at(raw, "data", "type")],
    "mailgun": _mailgun,
    "mailjet": _mailjet,
    "mailtrap": lambda raw: [_at(raw, "event")],
    "mandrill": lambda raw: [_at(raw, "event")],
    "postal": _postal,
    "postmark": _postmark,
    "resend": lambda raw: [_at(raw, "data", "bounce", "type"), _at(raw, "type")],
    "sendgrid": _sendgrid,
    "sparkpost": _sparkpost,
    "unisender_go": _unisender_go,
}
"""Where each provider's labels stand in its raw event, the most exact one first."""

_FORMER_NAMES = {"sendinblue": "brevo"}

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_POLICY = re.compile(
    r"\b(dmarc|dkim|spf|block ?list(ed)?|black ?list(ed)?|spamhaus|unsolicited|reputation)\b",
    re.IGNORECASE,
)
_NO_SUCH_MAILBOX = {
    (5, 1, 1),
    (5, 1, 2),
    (5, 1, 3),
    (5, 1, 6),
    (5, 1, 10),
    (5, 2, 1),
}
"""RFC 3463 and RFC 7505: bad mailbox, bad domain, bad syntax, moved, null MX, disabled."""
_FULL_OR_TOO_BIG = {(5, 2, 2), (5, 2, 3), (5, 3, 4)}


COMPLAINT_TAKEN_BACK = timedelta(days=7)
"""A report that a mail is no spam takes back a complaint that was made so long before."""


class Event(NamedTuple):
    """The columns of a stored event that decide what follows from it."""

    id: int
    delivery_id: int | None
    kind: str
    said_at: datetime
    recipient: str
    address_hash: str
    domain: str
    reason: str


class Told(NamedTuple):
    """What was said, and when."""

    kind: str
    said_at: datetime


def complaints(
    told: Iterable[Told],
) -> tuple[list[datetime], list[tuple[datetime, datetime]]]:
    """Return when complaints were made that nobody took back; and of the others when they were made
    and first taken back.
    """
    told = [*told]
    answers = sorted(said_at for kind, said_at in told if kind == EventKind.NOT_SPAM)
    live, taken_back = [], []
    for kind, made in told:
        if kind == EventKind.COMPLAINED:
            first = next((at for at in answers if made <= at <= made + COMPLAINT_TAKEN_BACK), None)
            if first is None:
                live.append(made)
            else:
                taken_back.append((made, first))
    return live, taken_back


def kind_of(provider: str, event: AnymailTrackingEvent) -> EventKind:
    """Return what an event means."""
    raw, provider = event.esp_event, _FORMER_NAMES.get(provider, provider)
    table = _LABELS.get(provider, {})
    kind = _TYPES.get(str(event.event_type), EventKind.UNKNOWN)
    if kind == REFUSED:
        kind = _REJECT_REASONS.get(str(event.reject_reason), REFUSED)
    labels = _READERS[provider](raw) if provider in _READERS else []
    known = (table.get(str(label).lower()) for label in labels if isinstance(label, (str, int)))
    kind = next((found for found in known if found), kind)
    return refined(kind, _answer(event)) if kind in BOUNCES else kind


def refined(kind: EventKind, answer: str) -> EventKind:
    """Correct the kind of a bounce by what the receiving mail server answered.

    A mailbox that does not exist bounces for good. A policy of the receiver says nothing about the
    mailbox. A transient code (4.x.x), and a mailbox that is full, bounce for now.
    """
    found = _STATUS.search(answer)
    status = tuple(map(int, found.groups())) if found else ()
    if status in _NO_SUCH_MAILBOX:
        return HARD
    if status[1:2] == (7,) or _POLICY.search(answer):
        return BLOCKED
    if status[:1] == (4,) or status in _FULL_OR_TOO_BIG:
        return SOFT
    return kind


def _answer(event: AnymailTrackingEvent) -> str:
    """Return the receiving mail server's words, bounded, with the status code first where the
    provider tells it apart.
    """
    raw = event.esp_event
    recipients = _at(raw, "bounce", "bouncedRecipients")
    told = [
        _at(raw, "status"),
        _at(raw, "event-data", "delivery-status", "enhanced-code"),
        *(
            _at(one, "status")
            for one in (recipients if isinstance(recipients, list) else [])[:50]
            if _at(one, "emailAddress") == event.recipient
        ),
        event.mta_response,
        event.description,
    ]
    return " ".join(text[:2000] for text in told if isinstance(text, str))
