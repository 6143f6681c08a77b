"""Applying events: what they mean for deliveries, and for whom we may write to.

What a delivery and an address come to is computed from all their events together, each time
anew. So the result depends neither on the order in which events arrive nor on how often one is
applied. One worker at a time applies events.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from newsletter.events.breaker import trip_if_due
from newsletter.events.policy import follow_policy
from newsletter.events.vocabulary import Event, Told, complaints
from newsletter.faults import CONCERNS_ALL
from newsletter.models import (
    Batch,
    Delivery,
    DeliveryStatus,
    EventKind,
    Ids,
    Outcome,
    ProviderEvent,
)
from newsletter.sending.counting import uncount
from newsletter.sending.history import forget, remember

log = structlog.get_logger(__name__)

AT_ONCE = 1000
MOST_ROUNDS = 20
"""A task ends after so many, so that no post of a million events keeps a process for long."""
LOOK_AGAIN = timedelta(seconds=30)
"""When an event is applied again whose delivery is still being sent."""
LONGEST_WAIT = timedelta(hours=6)

OUTCOMES: Mapping[Outcome, tuple[EventKind, ...]] = {
    Outcome.DEFERRED: (EventKind.DEFERRED,),
    Outcome.DELIVERED: (EventKind.DELIVERED, EventKind.OPENED, EventKind.CLICKED),
    Outcome.REFUSED: (EventKind.REFUSED,),
    Outcome.SOFT_BOUNCE: (EventKind.SOFT_BOUNCE,),
    Outcome.BLOCKED: (EventKind.BLOCKED,),
    Outcome.HARD_BOUNCE: (EventKind.HARD_BOUNCE,),
    Outcome.UNSUBSCRIBED: (EventKind.UNSUBSCRIBED,),
    Outcome.COMPLAINED: (EventKind.COMPLAINED,),
}
"""The kinds that mean each outcome, from the weakest to the strongest."""
SAYS_NOTHING = frozenset({EventKind.REFUSED, EventKind.SUBSCRIBED, EventKind.UNKNOWN})
"""Kinds that do not show that the provider took the mail. All others do."""
REFUSED_BY_EVENT = "the provider reported later that it refused the mail"


def apply_due(now: datetime) -> int:
    """Apply the events that are due; return how many are done with. When another worker is just
    doing it, or there are more than a task should take, the next call goes on.
    """
    applied = 0
    for _round in range(MOST_ROUNDS):
        due = _due(now)
        if not due:
            break
        done = _apply(due, now)
        if done is None:
            break
        applied += done
    trip_if_due(now)
    return applied


def _due(now: datetime) -> list[Event]:
    waiting = ProviderEvent.objects.filter(handled_at=None, due_at__lte=now)
    rows = waiting.order_by("due_at", "pk").values_list(*Event._fields)
    return [*map(Event._make, rows[:AT_ONCE])]


def _apply(events: Sequence[Event], now: datetime) -> int | None:
    """Apply some events in one transaction; None when another worker is applying some. Where that
    raises an exception, each half is tried, until the event at fault is found.
    """
    try:
        with transaction.atomic():
            return _applied(events, now) if _alone() else None
    except CONCERNS_ALL:
        raise
    except Exception:
        if len(events) == 1:
            log.exception("event_not_applied", event_id=events[0].id)
            _put_off(events[0].id, now)
            return 0
    middle = len(events) // 2
    done = [_apply(half, now) for half in (events[:middle], events[middle:])]
    return None if None in done else sum(filter(None, done))


def _alone() -> bool:
    """Keep other workers from applying events until the transaction ends; False when one is doing
    so. SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('paperboy.events'))")
        return bool(cursor.fetchone()[0])


def _put_off(event_id: int, now: datetime) -> None:
    failures = ProviderEvent.objects.values_list("failures", flat=True).get(pk=event_id) + 1
    wait = min(LONGEST_WAIT, LOOK_AGAIN * 2 ** min(failures, 16))
    ProviderEvent.objects.filter(pk=event_id).update(
        failures=min(failures, 1000), due_at=now + wait
    )


def _applied(events: Sequence[Event], now: datetime) -> int:
    open_ids = _still_open(events)
    follow_policy([event for event in events if event.id in open_ids], now)
    busy = _apply_to_deliveries({event.delivery_id for event in events if event.delivery_id}, now)
    waiting = [event.id for event in events if event.delivery_id in busy and event.id in open_ids]
    done = open_ids - {*waiting}
    rows = ProviderEvent.objects
    rows.filter(pk__among=Ids(waiting)).update(due_at=now + LOOK_AGAIN)
    rows.filter(pk__among=Ids(done)).update(handled_at=now, recipient="")
    return len(done)


def _still_open(events: Iterable[Event]) -> set[int]:
    """Return which events another worker has not applied since they were read."""
    rows = ProviderEvent.objects.filter(
        pk__among=Ids(event.id for event in events), handled_at=None
    )
    return set(rows.values_list("pk", flat=True))


def _apply_to_deliveries(ids: Collection[int], now: datetime) -> set[int]:
    """Write what the events of each delivery come to; return the deliveries that must be looked
    at again, because they are still being sent.

    A delivery that somebody else has locked is one of these: nobody waits here for a batch that
    is just being settled.
    """
    locked = (
        Delivery.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk__among=Ids(ids))
        .order_by("pk")
        .only("status", "reason", "outcome", "batch_id", "subscriber_id", "papers")
    )
    deliveries = {delivery.pk: delivery for delivery in locked}
    heard: dict[int, list[Told]] = defaultdict(list)
    rows = ProviderEvent.objects.filter(delivery__among=Ids(deliveries))
    for pk, kind, said_at in rows.values_list("delivery", "kind", "said_at"):
        heard[pk].append(Told(kind, said_at))
    _write_outcomes({pk: outcome_of(told) for pk, told in heard.items()})
    unknown = [
        delivery
        for delivery in deliveries.values()
        if delivery.status == DeliveryStatus.UNCERTAIN or delivery.reason == REFUSED_BY_EVENT
    ]
    unsettled = _settle(unknown, heard, now)
    being_sent = {
        pk for pk, delivery in deliveries.items() if delivery.status == DeliveryStatus.CLAIMED
    }
    return being_sent | unsettled | ({*ids} - {*deliveries})


def outcome_of(told: Collection[Told]) -> Outcome:
    """Return what events come to: the strongest. A complaint that was taken
    back within a week does not count.
    """
    kinds = {kind for kind, _said_at in told}
    live, _taken_back = complaints(told)
    if not live:
        kinds.discard(EventKind.COMPLAINED)
    strongest = Outcome.UNKNOWN
    for outcome, meant in OUTCOMES.items():
        if not kinds.isdisjoint(meant):
            strongest = outcome
    return strongest


def _write_outcomes(outcomes: Mapping[int, Outcome]) -> None:
    """Write them with one statement for each outcome; its instant is that of the first event that
    says so.
    """
    alike: dict[Outcome, list[int]] = defaultdict(list)
    for pk, outcome in outcomes.items():
        alike[outcome].append(pk)
    for outcome, pks in alike.items():
        first = ProviderEvent.objects.filter(
            delivery=OuterRef("pk"), kind__in=OUTCOMES.get(outcome, ())
        ).order_by("said_at")
        Delivery.objects.filter(pk__among=Ids(pks)).update(
            outcome=outcome, outcome_at=Subquery(first.values("said_at")[:1])
        )


def _settle(
    unknown: Iterable[Delivery],
    heard: Mapping[int, Collection[Told]],
    now: datetime,
) -> set[int]:
    """Settle deliveries of which we did not know whether the provider took them; return those that
    have to wait for their batch.

    What shows that the provider took a mail outweighs a refusal. What a reader did not get after
    all leaves their history, and comes back into it when it turns out that they got it.
    """
    sent: list[Delivery] = []
    refused: list[Delivery] = []
    for delivery in unknown:
        kinds = {kind for kind, _said_at in heard.get(delivery.pk, ())}
        if kinds - SAYS_NOTHING:
            sent.append(delivery)
        elif EventKind.REFUSED in kinds and delivery.status == DeliveryStatus.UNCERTAIN:
            refused.append(delivery)
    settled = [*sent, *refused]
    if not settled:
        return set()
    # The end of a batch writes its readers' histories: either before something is forgotten here,
    # or knowing that it is. The batch is counted again afterwards.
    free = set(
        Batch.objects.select_for_update(skip_locked=True)
        .filter(pk__among=Ids({one.batch_id for one in settled}))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    uncount(free)
    arrived = [one for one in sent if one.batch_id in free]
    failed = [one for one in refused if one.batch_id in free]
    if arrived:
        remember(_papers(one for one in arrived if one.status == DeliveryStatus.FAILED))
        _settle_as(arrived, DeliveryStatus.SENT, "", now)
    if failed:
        forget(_papers(failed))
        _settle_as(failed, DeliveryStatus.FAILED, REFUSED_BY_EVENT, now)
    return {one.pk for one in settled if one.batch_id not in free}


def _settle_as(
    deliveries: Iterable[Delivery], status: DeliveryStatus, reason: str, now: datetime
) -> None:
    pks = [delivery.pk for delivery in deliveries]
    Delivery.objects.filter(pk__among=Ids(pks)).update(status=status, reason=reason, settled_at=now)
    log.info("settled_by_event", status=status.value, deliveries=len(pks))


def _papers(deliveries: Iterable[Delivery]) -> dict[int, set[int]]:
    papers: dict[int, set[int]] = defaultdict(set)
    for delivery in deliveries:
        papers[delivery.subscriber_id].update(delivery.papers)
    return papers
