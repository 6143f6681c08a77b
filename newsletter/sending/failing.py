"""Failing batches: a batch that raises an exception stops no other. Its row counts the failures, it
is tried again after growing pauses, and staff are asked from the third failure in a row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from newsletter.faults import describe
from newsletter.models import Alert, AlertKind, Batch, BatchState, DeliveryStatus
from newsletter.models.batch import FAILURES_SHOWN, OUT_OF_TIME
from newsletter.sending.claim import Claimed
from newsletter.sending.plan import split_off
from newsletter.sending.record import back_off

log = structlog.get_logger(__name__)

EVENTS = {
    BatchState.PLANNED: "batch_not_claimed",
    BatchState.CHOOSING: "batch_not_settled",
    BatchState.CLAIMED: "batch_not_settled",
}


class OutOfTime(Exception):
    """The worker of a batch stopped, or took too long, while it chose the digests."""


@contextmanager
def failures_counted(batch_id: int, state: BatchState, now: datetime) -> Iterator[None]:
    """Count an exception as a failure of the batch, if it is still in this state, and go on. It is
    logged when it is the first in a row or another one than before.

    Whatever was begun in the database has to be rolled back by then: the count is written in a
    transaction of its own.

    Raises:
        Error: the failure cannot be written down either, because the database is away.
    """
    try:
        yield
    except Exception as error:
        if count_failure(batch_id, state, error, now):
            log.exception(EVENTS[state], batch=batch_id)


def count_failure(batch_id: int, state: BatchState, error: Exception, now: datetime) -> bool:
    """Count the failure of a batch that is still in this state; return whether the row did not tell
    of it before.

    A batch whose digests could not be chosen in time, twice in a row, is split in halves.
    """
    out_of_time = state == BatchState.PLANNED and isinstance(
        error, (OutOfTime, SoftTimeLimitExceeded)
    )
    reason = OUT_OF_TIME if out_of_time else describe(error)[:300]
    with transaction.atomic():
        batch = Batch.objects.select_for_update().filter(pk=batch_id, state=state).first()
        if batch is None:
            return True
        is_news = batch.failure_reason != reason
        batch.failures += 1
        batch.failure_reason = reason
        batch.send_after = max(batch.send_after, now + _pause(error, batch.failures))
        if out_of_time and not is_news:
            _split_in_halves(batch)
        batch.save(
            update_fields=[
                "failures",
                "failure_reason",
                "send_after",
                "subscriber_ids",
                "planned_count",
            ]
        )
        if Batch.objects.failing().filter(pk=batch_id).exists():
            Alert.objects.note(batch.edition_id, AlertKind.BATCHES, reason)
    return is_news


def _pause(error: Exception, failures: int) -> timedelta:
    """Return how long the batch rests. Trouble of the database, and a worker that was stopped, are
    not the batch's fault, and may be over at once.
    """
    if isinstance(error, (OperationalError, InterfaceError)):
        return timedelta()
    if isinstance(error, OutOfTime) and failures == 1:
        return timedelta()
    return back_off(failures - 1)


def _split_in_halves(batch: Batch) -> None:
    """Move half of the batch's readers to a new batch like it."""
    planned = batch.subscriber_ids
    readers = planned or list(
        batch.deliveries.filter(status=DeliveryStatus.DEFERRED)
        .order_by("position")
        .values_list("subscriber_id", flat=True)
    )
    kept, moved = readers[: (len(readers) + 1) // 2], readers[(len(readers) + 1) // 2 :]
    if not moved:
        return
    split_off(batch, moved, first_time=bool(planned))
    if planned:
        batch.subscriber_ids, batch.planned_count = kept, len(kept)
    log.warning("batch_split_in_halves", batch=batch.pk, kept=len(kept), moved=len(moved))


def note_failed_run(claimed: Claimed, error: Exception, *, progress: bool) -> timedelta:
    """Count an exception that ended the sending of a claimed batch, and return how long what is
    left of it should rest. With `progress`, because mail was accepted, counting begins anew.
    """
    failures = 1 if progress else claimed.failures + 1
    reason = describe(error)[:300]
    with transaction.atomic():
        mine = Batch.objects.filter(
            pk=claimed.batch_id, token=claimed.token, state=BatchState.CLAIMED
        )
        if mine.update(failures=failures, failure_reason=reason) and failures >= FAILURES_SHOWN:
            Alert.objects.note(claimed.edition_id, AlertKind.BATCHES, reason)
    return back_off(failures - 1)


def try_again(batches: QuerySet[Batch], now: datetime) -> int:
    """Let failing batches be claimed at once, as if they had not failed; return how many."""
    with transaction.atomic():
        failed = batches.filter(state=BatchState.PLANNED, failures__gt=0)
        # In the order that everybody keeps to who locks several.
        locked = list(
            failed.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
        )
        return Batch.objects.filter(pk__in=locked).update(
            failures=0, failure_reason="", send_after=now
        )
