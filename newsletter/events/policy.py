"""The suppression policy: to which addresses no mail goes any more because of what was reported.

docs/events.md writes it down. It looks at all events of an address together, so the order in which
they arrive does not matter.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db.models import Q

from newsletter.events.vocabulary import Event, Told, complaints
from newsletter.models import (
    AFTER_FREEZE,
    Alert,
    AlertKind,
    Delivery,
    EventKind,
    Ids,
    ProviderEvent,
)
from subscriptions import leaving, suppression
from subscriptions.addresses import fold
from subscriptions.models import Subscriber, SubscriberState, SuppressionReason

log = structlog.get_logger(__name__)

LOOKED_BACK = timedelta(days=365)
"""Events of an address that are older decide nothing any more."""
ALERTS_FOR = timedelta(days=7)
"""Staff are told of policies that block editions younger than this."""
SUCCESS = frozenset({EventKind.DELIVERED, EventKind.OPENED, EventKind.CLICKED})
DECIDES = frozenset(
    {EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.COMPLAINED, EventKind.NOT_SPAM}
)
"""Kinds that can change whether we may write to an address."""


def follow_policy(events: Sequence[Event], now: datetime) -> None:
    """Suppress, lift, unsubscribe and alert as these events ask for. How many queries this takes
    does not depend on their number.
    """
    _suppress(events, now)
    _unsubscribe(events, now)
    _alert(events, now)


def _suppress(events: Iterable[Event], now: datetime) -> None:
    addresses = {
        event.address_hash: fold(event.recipient)
        for event in events
        if event.kind in DECIDES and event.recipient
    }
    if not addresses:
        return
    told: dict[str, list[Told]] = defaultdict(list)
    rows = ProviderEvent.objects.filter(
        address_hash__in=addresses, kind__in=DECIDES | SUCCESS, said_at__gt=now - LOOKED_BACK
    )
    for hashed, kind, said_at in rows.values_list("address_hash", "kind", "said_at"):
        told[addresses[hashed]].append(Told(kind, said_at))
    confirmed = dict(
        Subscriber.objects.filter(
            address_key__in=addresses.values(), confirmed_at__isnull=False
        ).values_list("address_key", "confirmed_at")
    )
    lifted = suppression.bounces_lifted(addresses.values())
    given: dict[str, dict[SuppressionReason, datetime]] = {}
    taken_back: dict[str, tuple[datetime, datetime]] = {}
    for address, some in told.items():
        given[address] = reasons(some, confirmed.get(address), lifted.get(address))
        if SuppressionReason.COMPLAINT not in given[address]:
            _live, answered = complaints(some)
            if answered:
                taken_back[address] = max(answered)
    suppression.follow(given, taken_back, now=now)


def reasons(
    told: Collection[Told], confirmed_at: datetime | None, lifted_at: datetime | None
) -> dict[SuppressionReason, datetime]:
    """Return why we may not write to an address, and since when, by its events.

    Args:
        confirmed_at: when its reader confirmed last: complaints before are over.
        lifted_at: when staff lifted its bounces last.
    """
    found: dict[SuppressionReason, datetime] = {}
    hard = [said_at for kind, said_at in told if kind == EventKind.HARD_BOUNCE]
    if hard:
        found[SuppressionReason.HARD_BOUNCE] = max(hard)
    live, _answered = complaints(told)
    live = [made for made in live if confirmed_at is None or made > confirmed_at]
    if live:
        found[SuppressionReason.COMPLAINT] = max(live)
    since = [one for one in told if lifted_at is None or one.said_at > lifted_at]
    if reached := soft_limit_reached(since):
        found[SuppressionReason.SOFT_BOUNCES] = reached
    return found


def soft_limit_reached(told: Iterable[Told]) -> datetime | None:
    """Return when soft bounces last reached the limit; None if they never did.

    A day with soft bounces counts 1, however many there are. The count is halved for every
    `SOFT_BOUNCE_HALVING_DAYS` between two such days, if a mail arrived in between.
    """
    bounces: dict[datetime, datetime] = {}
    successes = []
    for kind, said_at in sorted(told, key=lambda one: one.said_at):
        if kind == EventKind.SOFT_BOUNCE:
            bounces.setdefault(_day(said_at), said_at)
        elif kind in SUCCESS:
            successes.append(said_at)
    count, before, reached = 0.0, None, None
    for day, at in bounces.items():
        if before is not None and any(before < success < at for success in successes):
            count *= 0.5 ** ((day - _day(before)).days // settings.SOFT_BOUNCE_HALVING_DAYS)
        count, before = count + 1, at
        if count >= settings.SOFT_BOUNCE_LIMIT:
            reached = at
    return reached


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _unsubscribe(events: Iterable[Event], now: datetime) -> None:
    """Unsubscribe readers who left at the provider after they confirmed here: who has the address,
    and who got the mail at a former one.
    """
    left = [event for event in events if event.kind == EventKind.UNSUBSCRIBED]
    if not left:
        return
    at_address = _latest((fold(one.recipient), one.said_at) for one in left if one.recipient)
    of_delivery = _latest((one.delivery_id, one.said_at) for one in left if one.delivery_id)
    deliveries = Delivery.objects.filter(pk__among=Ids(of_delivery))
    of_reader = _latest(
        (reader, of_delivery[pk]) for pk, reader in deliveries.values_list("pk", "subscriber_id")
    )
    readers = Subscriber.objects.filter(
        Q(address_key__in=at_address) | Q(pk__in=of_reader),
        state__in=[SubscriberState.PENDING, SubscriberState.ACTIVE],
    )
    gone = []
    for reader in readers.only("address_key", "confirmed_at", "created_at"):
        said = [at_address.get(reader.address_key), of_reader.get(reader.pk)]
        since = reader.confirmed_at or reader.created_at
        if any(at is not None and at >= since for at in said):
            gone.append(reader.pk)
    leaving.leave_all(gone, now=now, evidence="unsubscribed at the mail provider")


Key = TypeVar("Key")


def _latest(told: Iterable[tuple[Key, datetime]]) -> dict[Key, datetime]:
    latest: dict[Key, datetime] = {}
    for key, at in told:
        latest[key] = max(at, latest.get(key, at))
    return latest


def _alert(events: Iterable[Event], now: datetime) -> None:
    """Alert staff once for each edition that a policy of a receiver blocks."""
    blocked = {
        event.delivery_id: event
        for event in events
        if event.kind == EventKind.BLOCKED and event.delivery_id
    }
    if not blocked:
        return
    young = Delivery.objects.filter(
        pk__among=Ids(blocked),
        edition__state__in=AFTER_FREEZE,
        edition__nominal_at__gt=now - ALERTS_FOR,
    )
    examples: Mapping[int, Event] = {
        edition: blocked[pk] for pk, edition in young.order_by("pk").values_list("pk", "edition")
    }
    for edition, event in sorted(examples.items()):
        if Alert.objects.note(edition, AlertKind.BLOCKED, f"{event.domain}: {event.reason}"):
            log.error("blocked_by_policy", edition=edition, domain=event.domain)
