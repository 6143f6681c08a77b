"""The claim: a worker takes a batch, chooses a digest for each of its readers, and turns the
readers into deliveries.

Only the first and the last step are transactions, and both are short. Between them the worker has
nothing but a lease: readers are ranked without a lock, and the lease is renewed between two blocks
of them. The last step locks the readers and writes what still holds.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction

from newsletter.clock import Clock
from newsletter.models import Batch, BatchState, Delivery, DeliveryStatus, Edition, Ids
from newsletter.ranking.values import Selection
from newsletter.sending.choosing import Choice, choose, still_holding
from newsletter.sending.due import catch_up_start, waiting_batches
from newsletter.sending.epoch import server_epoch
from newsletter.sending.fence import Fence, lease_from
from newsletter.sending.frozen import edition_of
from newsletter.sending.inserting import NewDelivery, columns_of, insert_deliveries
from newsletter.sending.plan import new_batch, split_off
from newsletter.sending.questions import Change, Question
from newsletter.sending.readers import (
    HandOver,
    NotNow,
    Reader,
    locked_readers,
    not_now,
    obstacle,
    readers_of,
)

log = structlog.get_logger(__name__)

CHOOSING_TIME = timedelta(seconds=30)
"""How long the digests of a batch are chosen, and half of the lease at most. Readers who are left
then become a batch of their own, so that the mails that are chosen go out.
"""
ROUNDS = 3
"""How often readers are ranked whose profile or history changes while they are ranked."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch in this worker's hands. The positions of `hand_overs` only grow. `failures` is how
    often in a row it had failed before.
    """

    batch_id: int
    edition_id: int
    token: uuid.UUID
    claimed_at: datetime
    at_once: bool
    domain: str
    hand_overs: tuple[HandOver, ...]
    failures: int


class _Taken(NamedTuple):
    """A batch's row as it was taken. Without `subscriber_ids` it is a batch of deferred
    deliveries.
    """

    id: int
    edition_id: int
    at_once: bool
    domain: str
    planned_count: int
    failures: int
    subscriber_ids: list[int]


class _BatchLost(Exception):
    """The batch is no longer this worker's, or a person stopped the run."""


@dataclass(slots=True)
class _Sorted:
    """The readers of a batch by what becomes of them. `unchosen` are those without a choice that
    still holds; `moved` are those whose slot is later by now.
    """

    chosen: list[tuple[Reader, Selection]] = field(default_factory=list)
    settled: list[tuple[Reader, NotNow]] = field(default_factory=list)
    moved: dict[datetime, list[int]] = field(default_factory=lambda: defaultdict(list))
    unchosen: list[int] = field(default_factory=list)


def claim(batch_id: int, clock: Clock, provider: str = "") -> Claimed | None:
    """Take the batch, choose its digests and write its deliveries. `provider` will carry it.

    None when the batch is not due, too late, halted, somebody else's or done; or when it was lost
    while digests were chosen, because the lease ran out or a person stopped the run.

    Raises:
        Exception: the digests cannot be chosen or written. The batch is planned again.
    """
    fence = Fence(batch_id, uuid.uuid4())
    batch = _take(fence, clock(), provider)
    if batch is None:
        return None
    try:
        return _choose_and_write(batch, fence, clock)
    except _BatchLost:
        log.warning("batch_lost_while_choosing", batch=batch_id)
        _put_back(fence, clock())
        return None
    except Exception:
        _put_back(fence, clock())
        raise


_free = Question(
    "free_batch",
    lambda batch, now, earliest: (
        waiting_batches()
        .select_for_update(skip_locked=True, of=("self",))
        .filter(pk=batch, send_after__lte=now, slot_at__gte=earliest)
        .order_by()
        .values_list(*_Taken._fields)
    ),
)
_mark_as_choosing = Change(
    "choosing",
    lambda batch, token, lease_until, epoch, provider: (
        Batch.objects.filter(pk=batch, state=BatchState.PLANNED),
        {
            "state": BatchState.CHOOSING,
            "token": token,
            "lease_until": lease_until,
            "server_epoch": epoch,
            "provider": provider,
        },
    ),
)
_mark_as_claimed = Change(
    "claim",
    lambda batch, lease_until, now, planned: (
        Batch.objects.filter(pk=batch, state=BatchState.CHOOSING),
        {
            "state": BatchState.CLAIMED,
            "lease_until": lease_until,
            "claimed_at": now,
            "cursor": 0,
            "in_hand": 0,
            "failures": 0,
            "failure_reason": "",
            "subscriber_ids": [],
            "planned_count": planned,
        },
    ),
)
_known = Question(
    "known",
    lambda edition, readers: (
        Delivery.objects.filter(edition=edition, subscriber__among=readers)
        .order_by()
        .values_list("subscriber_id")
    ),
)


def _take(fence: Fence, now: datetime, provider: str) -> _Taken | None:
    """Take the batch if it may be claimed. One whose row is locked is passed over."""
    with transaction.atomic():
        rows = _free(fence.batch_id, now, catch_up_start(now))
        if not rows:
            return None
        _mark_as_choosing(fence.batch_id, fence.token, lease_from(now), server_epoch(), provider)
        return _Taken._make(rows[0])


def _put_back(fence: Fence, now: datetime) -> None:
    """Let the batch be claimed again. A batch whose lease ran out is left to the sweep, which
    counts that as a failure.

    Whether the run is stopped, the edition says.
    """
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # a lost connection would fail here again
    Batch.objects.filter(
        pk=fence.batch_id, token=fence.token, state=BatchState.CHOOSING, lease_until__gt=now
    ).update(state=BatchState.PLANNED, token=None, lease_until=None, halted=False)


def _choose_and_write(batch: _Taken, fence: Fence, clock: Clock) -> Claimed:
    edition = edition_of(batch.edition_id)
    until = clock() + min(CHOOSING_TIME, timedelta(seconds=settings.LEASE_SECONDS) / 2)

    def go_on() -> bool:
        now = clock()
        if now >= until:
            return False
        if not fence.renew(now):
            raise _BatchLost
        return True

    choices: dict[int, Choice] = {}
    unchosen = batch.subscriber_ids or list(_deferred(batch))
    for last in (False,) * (ROUNDS - 1) + (True,):
        now = clock()
        wanted = [one for one in readers_of(unchosen) if not _verdict(batch, one, edition, now)]
        choices |= choose(edition.pk, wanted, clock, go_on)
        with transaction.atomic():
            # Locks the batch, and no reader before it.
            if not fence.renew(clock()):
                raise _BatchLost
            found = _sort_out(batch, edition, choices, clock)
            if not found.unchosen or last or clock() >= until:
                return _write(batch, fence, found, clock())
        unchosen = found.unchosen
    raise AssertionError("the last round returns")


def _deferred(batch: _Taken) -> dict[int, Delivery]:
    """Return the batch's deferred deliveries by reader, in order of position."""
    rows = Delivery.objects.filter(batch=batch.id, status=DeliveryStatus.DEFERRED)
    return {row.subscriber_id: row for row in rows.order_by("position")}


def _verdict(batch: _Taken, reader: Reader, edition: Edition, now: datetime) -> NotNow | None:
    """Return why the reader gets nothing from this batch by now; None when they do. Of a reader
    whose delivery was deferred nothing is asked but whether we may write to them.
    """
    if batch.subscriber_ids:
        return not_now(reader, edition, now, at_once=batch.at_once)
    return obstacle(reader, now)


def _sort_out(batch: _Taken, edition: Edition, choices: dict[int, Choice], clock: Clock) -> _Sorted:
    """Lock the readers and say what becomes of each by now.

    A reader who has a delivery of the edition already, by a first digest, is left out: their books
    began with that one.
    """
    ids = batch.subscriber_ids
    readers = locked_readers(ids or _deferred(batch).keys())
    known = {pk for (pk,) in _known(edition.pk, Ids(ids))} if ids else set()
    now, found, sendable = clock(), _Sorted(), []
    for reader in readers:
        if reader.id in known:
            continue
        verdict = _verdict(batch, reader, edition, now)
        if verdict is None:
            sendable.append(reader)
        elif verdict.moved_to is not None:
            found.moved[verdict.moved_to].append(reader.id)
        else:
            found.settled.append((reader, verdict))
    holding = still_holding(edition.pk, sendable, choices)
    for reader in sendable:
        if reader.id not in holding:
            found.unchosen.append(reader.id)
        elif isinstance(outcome := holding[reader.id].outcome, NotNow):
            found.settled.append((reader, outcome))
        else:
            found.chosen.append((reader, outcome))
    return found


def _write(batch: _Taken, fence: Fence, found: _Sorted, now: datetime) -> Claimed:
    """Write the deliveries, and let the batch be handed over from now on."""
    first_time = bool(batch.subscriber_ids)
    planned = len(found.chosen) + len(found.settled) if first_time else batch.planned_count
    _mark_as_claimed(batch.id, lease_from(now), now, planned)
    hand_overs = (_insert if first_time else _update)(batch, found, now)
    if found.moved or found.unchosen:
        row = Batch.objects.get(pk=batch.id)
        for slot_at, ids in found.moved.items():
            new_batch(batch.edition_id, slot_at, ids, domain=batch.domain).save()
        if found.unchosen:
            split_off(row, found.unchosen, first_time=first_time)
            log.info("batch_split", batch=batch.id, left=len(found.unchosen))
    return Claimed(
        batch.id,
        batch.edition_id,
        fence.token,
        now,
        batch.at_once,
        batch.domain,
        tuple(hand_overs),
        batch.failures,
    )


def _insert(batch: _Taken, found: _Sorted, now: datetime) -> list[HandOver]:
    """Insert the deliveries of readers who were planned here first."""
    rows = [
        NewDelivery(
            reader.id,
            DeliveryStatus.CLAIMED,
            position,
            profile_id=reader.profile_id,
            picks=selection.picks,
        )
        for position, (reader, selection) in enumerate(found.chosen)
    ]
    rows += [
        NewDelivery(reader.id, verdict.status, reason=verdict.reason, settled_at=now)
        for reader, verdict in found.settled
    ]
    ids = insert_deliveries(batch.edition_id, batch.id, rows, now)
    return [
        HandOver(position, pk, reader, selection, 0)
        for position, (pk, (reader, selection)) in enumerate(zip(ids, found.chosen, strict=False))
    ]


def _update(batch: _Taken, found: _Sorted, now: datetime) -> list[HandOver]:
    """Take up the batch's deferred deliveries with what was chosen anew: preferences and strikes
    of the meantime count.
    """
    rows = _deferred(batch)
    for reader, verdict in found.settled:
        Delivery.objects.filter(pk=rows[reader.id].pk).update(
            status=verdict.status, reason=verdict.reason, settled_at=now
        )
    hand_overs: list[HandOver] = []
    for reader, selection in sorted(found.chosen, key=lambda one: rows[one[0].id].position):
        row = rows[reader.id]
        Delivery.objects.filter(pk=row.pk).update(
            status=DeliveryStatus.CLAIMED,
            claimed_at=now,
            profile=reader.profile_id,
            **columns_of(selection.picks),
        )
        hand_overs.append(HandOver(row.position, row.pk, reader, selection, row.attempts))
    return hand_overs
