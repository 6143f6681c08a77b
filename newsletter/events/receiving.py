"""Receiving events: each post is authenticated, stored in one insert and answered at once.

Anymail checks the authentication and splits the post into events. What follows from them happens
later (`newsletter.events.applying`).
"""

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from anymail.exceptions import AnymailNotSupportedWarning, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.base import AnymailCoreWebhookView
from django.core.exceptions import (
    ImproperlyConfigured,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from newsletter.events.authentication import is_answered, webhook_views
from newsletter.events.vocabulary import kind_of
from newsletter.models import Delivery, EventKind, Ids, ProviderEvent
from subscriptions.addresses import BadAddress, fold
from subscriptions.models import AddressChange, Consent, ConsentKind, Subscriber
from subscriptions.redaction import redact, redact_addresses, stored_reason
from subscriptions.suppression import address_hashes, hash_keys

log = structlog.get_logger(__name__)

AT_ONCE = 1000
"""Events that are stored by one set of queries."""
LONGEST_ADDRESS = 320
LONGEST_RAW = 8_000
GREATEST_ID = 2**63 - 1
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
NO_RAW = frozenset({EventKind.OPENED, EventKind.CLICKED})
"""Kinds whose raw event names the reader's network address and program: it is not kept."""
_NOT_PART = ("signature", "auth")
"""Keys of a raw event that prove who posted it. They differ when it is posted again."""


@csrf_exempt
def webhook(request: HttpRequest, provider: str) -> HttpResponse:
    """Store the events of one post.

    A provider may check with GET or HEAD that the address exists. Posts that cannot be
    authenticated get 401, those that cannot be read 400, too long ones 413; nothing of them is
    stored.
    """
    if not is_answered(provider):
        raise Http404
    if request.method in ("GET", "HEAD"):
        return HttpResponse()
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    view, now = _view(provider), timezone.now()
    try:
        view.run_validators(request)
        told = view.parse_events(request)
        events = [heard(provider, event, now) for event in told if _is_tracking(event)]
    except AnymailWebhookValidationFailure:
        return _refused(provider, 401, "not authenticated")
    except RequestDataTooBig:
        return _refused(provider, 413, "too long")
    except SuspiciousOperation as error:
        return _refused(provider, 400, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever Anymail's parser raises is about the body
        return _refused(provider, 400, type(error).__name__)
    store(events, now)
    return HttpResponse()


def _view(provider: str) -> AnymailCoreWebhookView:
    try:
        with warnings.catch_warnings():
            # Anymail's maintainers cannot test SendGrid any more, and say so at each request.
            warnings.simplefilter("ignore", AnymailNotSupportedWarning)
            return webhook_views()[provider]()
    except (ImproperlyConfigured, ValueError) as error:  # a package or a key is missing or no key
        log.error("webhook_not_configured", provider=provider, error=type(error).__name__)
        raise Http404 from error


def _is_tracking(event: object) -> bool:
    return isinstance(event, AnymailTrackingEvent)


def _refused(provider: str, status: int, why: str) -> HttpResponse:
    """Answer a post that is not taken. Neither the log nor the answer says what was in it."""
    log.warning("webhook_refused", provider=provider, status=status, why=why)
    response = HttpResponse(status=status)
    if status == 401:
        # Amazon SNS sends its password only after this header.
        response["WWW-Authenticate"] = 'Basic realm="webhooks"'
    return response


@dataclass(slots=True)
class Heard:
    """One event as it is understood, before it is stored. `delivery_id` and `edition_id` are what
    the event names, whether or not there is such a row.
    """

    provider: str
    kind: EventKind
    said_at: datetime
    fingerprint: str
    recipient: str = ""
    delivery_id: int | None = None
    edition_id: int | None = None
    reason: str = ""
    raw: str = ""

    @property
    def address_key(self) -> str:
        return fold(self.recipient) if self.recipient else ""


def heard(provider: str, event: AnymailTrackingEvent, now: datetime) -> Heard:
    """Return what an event of a provider says, every value bounded and fit for the database."""
    kind = kind_of(provider, event)
    content = _content(event.esp_event)
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    tags = event.tags if isinstance(event.tags, (list, tuple)) else [event.tags]
    said = event.mta_response or event.description
    return Heard(
        provider=provider,
        kind=kind,
        said_at=plausible(event.timestamp, now),
        fingerprint=_fingerprint(provider, kind.value, str(event.recipient), content),
        recipient=valid_address(event.recipient),
        delivery_id=_number(metadata.get("delivery")),
        edition_id=next(filter(None, map(_edition, tags[:20])), None),
        reason=stored_reason(said) if isinstance(said, str) else "",
        raw="" if kind in NO_RAW else scrubbed(content),
    )


def _content(raw: Any) -> str:
    """Return a raw event as text, the same each time it is posted."""
    if hasattr(raw, "lists"):  # the form of Mailgun's older posts
        raw = dict(raw.lists())
    if isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name not in _NOT_PART}
    text = json.dumps(raw, sort_keys=True, default=str, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()


def _fingerprint(*parts: str) -> str:
    joined = "\x1f".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(joined).hexdigest()


def scrubbed(content: str) -> str:
    """Return the beginning of a raw event without addresses and tokens."""
    return redact(redact_addresses(content[: 2 * LONGEST_RAW]))[:LONGEST_RAW].replace("\0", "")


def plausible(said_at: object, now: datetime) -> datetime:
    """Return the instant that the provider gives; `now` where there is none, or one that cannot
    be.
    """
    if not isinstance(said_at, datetime):
        return now
    try:
        said_at = said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)
        return min(said_at.astimezone(UTC), now) if said_at >= EARLIEST else now
    except OverflowError:
        return now


def valid_address(text: object) -> str:
    """Return an address that a reader could have; empty for anything else."""
    if not isinstance(text, str) or not 3 <= len(text) <= LONGEST_ADDRESS or not text.isprintable():
        return ""
    try:
        local, _at, domain = fold(text).rpartition("@")
    except (BadAddress, ValidationError, ValueError):
        return ""
    return text.strip() if local and domain and len(domain) <= 253 else ""


def _number(value: object) -> int | None:
    text = str(value) if isinstance(value, (str, int)) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        return None
    return int(text) if 0 < int(text) <= GREATEST_ID else None


def _edition(tag: object) -> int | None:
    named = isinstance(tag, str) and tag.startswith("edition-")
    return _number(str(tag).removeprefix("edition-")) if named else None


def store(events: Sequence[Heard], now: datetime) -> None:
    """Store events that are new, each with the delivery that it is about, if there is one. How many
    queries this takes does not depend on the number of events, up to `AT_ONCE`.
    """
    for start in range(0, len(events), AT_ONCE):
        some = events[start : start + AT_ONCE]
        about, keys = _deliveries(some), hash_keys(to_store=True)
        ProviderEvent.objects.bulk_create(
            [_row(event, about.get(place), keys, now) for place, event in enumerate(some)],
            ignore_conflicts=True,
        )


def _row(
    event: Heard, delivery_id: int | None, keys: Sequence[str], now: datetime
) -> ProviderEvent:
    key = event.address_key
    return ProviderEvent(
        fingerprint=event.fingerprint,
        delivery_id=delivery_id,
        provider=event.provider,
        kind=event.kind,
        said_at=event.said_at,
        received_at=now,
        due_at=now,
        recipient=event.recipient,
        address_hash=address_hashes(event.recipient, keys)[0] if key else "",
        domain=key.rpartition("@")[2],
        reason=event.reason,
        raw=event.raw,
    )


def _deliveries(events: Sequence[Heard]) -> dict[int, int]:
    """Return the delivery of each event that has one, by the place of the event. An event that
    names no recipient gets the reader's address.

    A delivery that an event names must be one to its recipient: another instance that sends through
    the same account has deliveries with the same numbers.
    """
    keys = {key for event in events if (key := event.address_key)}
    holders = dict(Subscriber.objects.filter(address_key__in=keys).values_list("address_key", "pk"))
    by_id = {
        delivery.pk: delivery
        for delivery in _with_reader(
            pk__among=Ids({event.delivery_id for event in events if event.delivery_id})
        )
    }
    by_edition = {
        (delivery.edition_id, delivery.subscriber_id): delivery.pk
        for delivery in _with_reader(
            edition__among=Ids({event.edition_id for event in events if event.edition_id}),
            subscriber__among=Ids(holders.values()),
        )
    }
    former = set(
        AddressChange.objects.filter(former_key__in=keys)
        .exclude(made_at=None)
        .values_list("subscriber_id", "former_key")
    )
    moved = dict(
        Consent.objects.filter(
            subscriber__among=Ids({one.subscriber_id for one in by_id.values()}),
            kind=ConsentKind.MOVED,
        )
        .order_by("at")
        .values_list("subscriber_id", "at")
    )
    found: dict[int, int] = {}
    for place, event in enumerate(events):
        delivery = by_id.get(event.delivery_id or 0)
        if delivery is not None and _is_to(delivery, event.address_key, former):
            found[place] = delivery.pk
            since = moved.get(delivery.subscriber_id)
            if not event.recipient and (since is None or since < delivery.claimed_at):
                event.recipient = delivery.subscriber.address
        elif pk := by_edition.get((event.edition_id or 0, holders.get(event.address_key, 0))):
            found[place] = pk
    return found


def _with_reader(**wanted: Ids) -> Iterable[Delivery]:
    return (
        Delivery.objects.filter(**wanted)
        .select_related("subscriber")
        .only(
            "edition_id",
            "subscriber_id",
            "claimed_at",
            "subscriber__address",
            "subscriber__address_key",
        )
    )


def _is_to(delivery: Delivery, key: str, former: set[tuple[int, str]]) -> bool:
    """Say whether a delivery went, or may have gone, to an address. Of an erased reader the address
    is not known any more.
    """
    reader = delivery.subscriber
    return not key or not reader.address or reader.address_key == key or (reader.pk, key) in former
