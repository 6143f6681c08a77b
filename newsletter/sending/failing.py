"""Failing batches: a batch that raises an exception stops no other. Its row counts the failures, it
is tried again after growing pauses, and staff are asked from the third failure in a row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from newsletter.faults import describe
from newsletter.models import Alert, AlertKind, Batch, BatchState
from newsletter.models.batch import FAILURES_SHOWN
from newsletter.sending.claim import Claimed
from newsletter.sending.record import back_off

log = structlog.get_logger(__name__)

EVENTS = {BatchState.PLANNED: "batch_not_claimed", BatchState.CLAIMED: "batch_not_settled"}


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
        if _is_news(batch_id, state, error, now):
            log.exception(EVENTS[state], batch=batch_id)


def _is_news(batch_id: int, state: BatchState, error: Exception, now: datetime) -> bool:
    """Count the failure; return whether the row did not tell of it before."""
    reason = describe(error)[:300]
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update()
            .only("edition_id", "send_after", "failures", "failure_reason")
            .filter(pk=batch_id, state=state)
            .first()
        )
        if batch is None:
            return True
        failures = batch.failures + 1
        Batch.objects.filter(pk=batch_id).update(
            failures=failures,
            failure_reason=reason,
            send_after=max(batch.send_after, now + _pause(error, failures)),
        )
        if failures >= FAILURES_SHOWN:
            Alert.objects.note(batch.edition_id, AlertKind.BATCHES, reason)
    return batch.failure_reason != reason


def _pause(error: Exception, failures: int) -> timedelta:
    """Return how long the batch rests. Trouble of the database is not the batch's, and may be over
    at once.
    """
    if isinstance(error, (OperationalError, InterfaceError)):
        return timedelta()
    return back_off(failures - 1)


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
