"""Planning: every reader of an edition into batches by their slot; and the first digest of a
reader who has just confirmed.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from newsletter.faults import alerting
from newsletter.models import (
    AFTER_FREEZE,
    NOT_CHOSEN_YET,
    AlertKind,
    Batch,
    DeliveryStatus,
    Edition,
    EditionCadence,
    EditionState,
    Ids,
)
from newsletter.sending.slots import slot, wants
from subscriptions.models import Cadence, Subscriber, SubscriberState

log = structlog.get_logger(__name__)

PAGE = 5_000
"""Readers read at a time: the memory of planning does not grow with their number."""
BATCH_SECONDS = 30
WRITTEN_AT_ONCE = 200
EXTRA_WEEKLY_DAYS = 6
"""How much older than a daily edition a weekly one may be and still welcome a new reader."""
CADENCES = {
    EditionCadence.DAILY: (Cadence.DAILY, Cadence.WEEKDAYS),
    EditionCadence.WEEKLY: (Cadence.WEEKLY,),
}


def plan_frozen_editions(now: datetime) -> int:
    """Plan every frozen edition; return how many were planned. One that raises an exception stops
    no other: staff see the reason, and the next call tries again.
    """
    frozen = Edition.objects.filter(state=EditionState.FROZEN).order_by("pk")
    planned = 0
    for edition_id in frozen.values_list("pk", flat=True):
        with alerting(edition_id, AlertKind.PLANNING):
            planned += plan_edition(edition_id, now) is not None
    return planned


def plan_edition(edition_id: int, now: datetime) -> int | None:
    """Plan every confirmed reader of a frozen edition and let it be sent; return how many readers
    that were.

    None when the edition is not frozen, or another planner was first: the change of state and all
    batches are one transaction.
    """
    with transaction.atomic():
        if not Edition.objects.filter(pk=edition_id, state=EditionState.FROZEN).update(
            state=EditionState.SENDING, planned_at=now
        ):
            return None
        edition = Edition.objects.defer("statistics").get(pk=edition_id)
        planned = 0
        waiting: list[Batch] = []
        for batch in _batches(edition):
            planned += batch.planned_count
            waiting.append(batch)
            if len(waiting) == WRITTEN_AT_ONCE:
                Batch.objects.bulk_create(waiting)
                waiting = []
        Batch.objects.bulk_create(waiting)
    log.info("edition_planned", edition=str(edition), readers=planned)
    return planned


def _batches(edition: Edition) -> Iterator[Batch]:
    """Yield full batches as they fill, then what is left of each slot."""
    filling: dict[tuple[datetime, str], list[int]] = defaultdict(list)
    for pk, cadence, hour, zone, address in _readers(edition):
        slot_at = slot(edition.nominal_at, hour, zone)
        if not wants(cadence, edition.cadence, slot_at, zone):
            continue
        domain = paced_domain(address)
        ids = filling[slot_at, domain]
        ids.append(pk)
        if len(ids) == batch_size(domain):
            yield new_batch(edition.pk, slot_at, filling.pop((slot_at, domain)), domain=domain)
    for slot_at, domain in sorted(filling):
        yield new_batch(edition.pk, slot_at, filling[slot_at, domain], domain=domain)


def paced_domain(address: str) -> str:
    """Return the address's domain if that has a rate of its own; empty otherwise."""
    domain = address.rpartition("@")[2].lower() if settings.DOMAIN_RATES else ""
    return domain if domain in settings.DOMAIN_RATES else ""


def batch_size(domain: str) -> int:
    """Return how many readers make a batch: what the provider, or the domain, takes in half a
    minute, where a rate is set.
    """
    rate = settings.DOMAIN_RATES.get(domain, settings.SEND_RATE)
    return (
        min(settings.BATCH_SIZE, math.ceil(rate * BATCH_SECONDS)) if rate else settings.BATCH_SIZE
    )


def _readers(edition: Edition) -> Iterator[tuple[int, str, int, str, str]]:
    """Read id, cadence, hour, zone and address of the confirmed readers in keyset pages, so that
    no page costs more than the first.
    """
    for cadence in CADENCES[EditionCadence(edition.cadence)]:
        confirmed = Subscriber.objects.filter(
            state=SubscriberState.ACTIVE, cadence=cadence
        ).order_by("pk")
        last = 0
        while page := list(
            confirmed.filter(pk__gt=last).values_list("pk", "hour", "timezone", "address_key")[
                :PAGE
            ]
        ):
            for pk, hour, zone, address in page:
                yield pk, cadence, hour, zone, address
            last = page[-1][0]


def new_batch(
    edition_id: int,
    slot_at: datetime,
    subscriber_ids: list[int],
    *,
    at_once: bool = False,
    domain: str = "",
) -> Batch:
    """Return an unsaved batch whose readers' books begin with it."""
    return Batch(
        edition_id=edition_id,
        slot_at=slot_at,
        send_after=slot_at,
        at_once=at_once,
        domain=domain,
        subscriber_ids=subscriber_ids,
        planned_count=len(subscriber_ids),
    )


def split_off(batch: Batch, reader_ids: Sequence[int], *, first_time: bool) -> None:
    """Move readers of a batch, which the caller has locked, to a new planned batch that is
    otherwise like it. The caller takes them out of `subscriber_ids`.

    Args:
        first_time: whether their books begin here; if not, they have deferred deliveries.
    """
    other = batch_like(batch, batch.send_after, reader_ids if first_time else ())
    other.save()
    if not first_time:
        batch.deliveries.filter(
            subscriber__among=Ids(reader_ids), status=DeliveryStatus.DEFERRED
        ).update(batch=other)


def batch_like(batch: Batch, send_after: datetime, subscriber_ids: Sequence[int] = ()) -> Batch:
    """Return an unsaved planned batch for readers of another one, with its failures in a row."""
    return Batch(
        edition_id=batch.edition_id,
        slot_at=batch.slot_at,
        send_after=send_after,
        at_once=batch.at_once,
        domain=batch.domain,
        subscriber_ids=[*subscriber_ids],
        planned_count=len(subscriber_ids),
        failures=batch.failures,
        failure_reason=batch.failure_reason,
    )


def plan_first_digest(subscriber_id: int, now: datetime) -> int | None:
    """Plan the newest edition of their cadence for a reader who has just confirmed, due at once;
    return the batch's id.

    None when there is no edition young enough, or the reader is planned in it already. Planning one
    reader twice would still not mail them twice: the claim finds their delivery.
    """
    with transaction.atomic():
        reader = (
            Subscriber.objects.select_for_update()
            .filter(pk=subscriber_id, state=SubscriberState.ACTIVE)
            .first()
        )
        edition = _newest_edition(reader, now) if reader else None
        if edition is None:
            return None
        # Locked against the sweep, which might be closing the edition's books at this moment.
        Edition.objects.select_for_update().only("pk").get(pk=edition.pk)
        if edition.deliveries.filter(subscriber=subscriber_id).exists() or _is_planned(
            edition, subscriber_id
        ):
            return None
        batch = new_batch(edition.pk, now, [subscriber_id], at_once=True)
        batch.save()
        # A first digest opens the books of a finished edition again.
        Edition.objects.filter(pk=edition.pk, state=EditionState.DONE).update(
            state=EditionState.SENDING, done_at=None
        )
    return batch.pk


def _newest_edition(reader: Subscriber, now: datetime) -> Edition | None:
    cadence = EditionCadence.WEEKLY if reader.cadence == Cadence.WEEKLY else EditionCadence.DAILY
    # An older edition is no welcome: the reader's next one is near.
    days = settings.WELCOME_DAYS + (EXTRA_WEEKLY_DAYS if cadence == EditionCadence.WEEKLY else 0)
    young = Edition.objects.filter(
        cadence=cadence, state__in=AFTER_FREEZE, frozen_at__range=(now - timedelta(days=days), now)
    )
    return young.defer("statistics").order_by("-day").first()


def _is_planned(edition: Edition, subscriber_id: int) -> bool:
    """Say whether one of the edition's few at-once batches has the reader already (confirmed,
    left and confirmed again).
    """
    planned = edition.batches.filter(state__in=NOT_CHOSEN_YET, at_once=True).values_list(
        "subscriber_ids", flat=True
    )
    return any(subscriber_id in ids for ids in planned)
