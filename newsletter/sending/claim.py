"""The claim: one transaction in which a worker takes a batch, its readers become deliveries, and
each digest is chosen.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from newsletter.models import Batch, BatchState, Delivery, DeliveryStatus, Edition, Ids
from newsletter.ranking.values import Selection
from newsletter.sending.choosing import choose
from newsletter.sending.due import catch_up_start, waiting_batches
from newsletter.sending.epoch import server_epoch
from newsletter.sending.frozen import edition_of
from newsletter.sending.inserting import NewDelivery, columns_of, insert_deliveries
from newsletter.sending.plan import new_batch
from newsletter.sending.questions import Change, Question
from newsletter.sending.readers import NotNow, Reader, locked_readers, not_now, obstacle


class HandOver(NamedTuple):
    """One digest to be handed over: whose, and what was chosen."""

    position: int
    delivery_id: int
    reader: Reader
    selection: Selection
    attempts: int


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
    """A batch's row as the claim locked it."""

    id: int
    edition_id: int
    at_once: bool
    domain: str
    planned_count: int
    failures: int
    subscriber_ids: list[int]


def claim(batch_id: int, now: datetime, provider: str = "") -> Claimed | None:
    """Take the batch; None when it is not due, too late, halted, somebody else's or done.
    `provider` will carry it.
    """
    token = uuid.uuid4()
    lease_until = now + timedelta(seconds=settings.LEASE_SECONDS)
    with transaction.atomic():
        batch = _take(batch_id, now)
        if batch is None:
            return None
        edition = edition_of(batch.edition_id)
        planned, hand_overs = (
            _first_time(batch, edition, now)
            if batch.subscriber_ids
            else _again(batch, edition, now)
        )
        _mark_as_claimed(batch.id, token, lease_until, now, server_epoch(), provider, planned)
    return Claimed(
        batch.id,
        edition.pk,
        token,
        now,
        batch.at_once,
        batch.domain,
        tuple(hand_overs),
        batch.failures,
    )


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
_mark_as_claimed = Change(
    "claim",
    lambda batch, token, lease_until, now, epoch, provider, planned: (
        Batch.objects.filter(pk=batch, state=BatchState.PLANNED),
        {
            "state": BatchState.CLAIMED,
            "token": token,
            "lease_until": lease_until,
            "claimed_at": now,
            "server_epoch": epoch,
            "cursor": 0,
            "in_hand": 0,
            "provider": provider,
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


def _take(batch_id: int, now: datetime) -> _Taken | None:
    """Lock the batch if it may be claimed. One that another worker holds is passed over rather
    than waited for.
    """
    return next(map(_Taken._make, _free(batch_id, now, catch_up_start(now))), None)


def _first_time(batch: _Taken, edition: Edition, now: datetime) -> tuple[int, list[HandOver]]:
    """Turn the batch's planned readers into deliveries; return for how many readers its books
    begin, and the hand-overs.

    A reader whose slot has moved later goes to a batch of that slot. One who has a delivery of the
    edition already, by a first digest, is dropped here: their books began with that one.
    """
    readers = locked_readers(batch.subscriber_ids)
    known = {pk for (pk,) in _known(edition.pk, Ids(batch.subscriber_ids))}
    sendable: list[Reader] = []
    settled: list[tuple[Reader, NotNow]] = []
    moved: dict[datetime, list[int]] = defaultdict(list)
    for reader in readers:
        if reader.id in known:
            continue
        verdict = not_now(reader, edition, now, at_once=batch.at_once)
        if verdict is None:
            sendable.append(reader)
        elif verdict.moved_to is not None:
            moved[verdict.moved_to].append(reader.id)
        else:
            settled.append((reader, verdict))
    if moved:
        Batch.objects.bulk_create(
            [
                new_batch(edition.pk, slot_at, ids, domain=batch.domain)
                for slot_at, ids in moved.items()
            ]
        )
    chosen: list[tuple[Reader, Selection]] = []
    for reader, outcome in zip(sendable, choose(edition.pk, sendable), strict=True):
        if isinstance(outcome, NotNow):
            settled.append((reader, outcome))
        else:
            chosen.append((reader, outcome))
    return len(chosen) + len(settled), _insert(batch, chosen, settled, now)


def _insert(
    batch: _Taken,
    chosen: Sequence[tuple[Reader, Selection]],
    settled: Sequence[tuple[Reader, NotNow]],
    now: datetime,
) -> list[HandOver]:
    rows = [
        NewDelivery(
            reader.id,
            DeliveryStatus.CLAIMED,
            position,
            profile_id=reader.profile_id,
            picks=selection.picks,
        )
        for position, (reader, selection) in enumerate(chosen)
    ]
    rows += [
        NewDelivery(reader.id, verdict.status, reason=verdict.reason, settled_at=now)
        for reader, verdict in settled
    ]
    ids = insert_deliveries(batch.edition_id, batch.id, rows, now)
    return [
        HandOver(position, pk, reader, selection, 0)
        for position, (pk, (reader, selection)) in enumerate(zip(ids, chosen, strict=False))
    ]


def _again(batch: _Taken, edition: Edition, now: datetime) -> tuple[int, list[HandOver]]:
    """Take up the batch's deferred deliveries, chosen anew: preferences and strikes of the
    meantime count.
    """
    rows = {
        row.subscriber_id: row
        for row in Delivery.objects.filter(batch=batch.id, status=DeliveryStatus.DEFERRED).order_by(
            "position"
        )
    }
    readers = sorted(locked_readers(rows.keys()), key=lambda reader: rows[reader.id].position)
    free: list[Reader] = []
    for reader in readers:
        if (verdict := obstacle(reader, now)) is None:
            free.append(reader)
        else:
            _settle(rows[reader.id], verdict, now)
    hand_overs: list[HandOver] = []
    for reader, outcome in zip(free, choose(edition.pk, free), strict=True):
        row = rows[reader.id]
        if isinstance(outcome, NotNow):
            _settle(row, outcome, now)
        else:
            Delivery.objects.filter(pk=row.pk).update(
                status=DeliveryStatus.CLAIMED,
                claimed_at=now,
                profile=reader.profile_id,
                **columns_of(outcome.picks),
            )
            hand_overs.append(HandOver(row.position, row.pk, reader, outcome, row.attempts))
    return batch.planned_count, hand_overs


def _settle(row: Delivery, verdict: NotNow, now: datetime) -> None:
    Delivery.objects.filter(pk=row.pk).update(
        status=verdict.status, reason=verdict.reason, settled_at=now
    )
