"""Recording what became of a batch: notes on single deliveries as they come, and the rest in
bulk at its end.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from newsletter.models import Batch, BatchState, Delivery, DeliveryStatus, Edition, EditionState
from newsletter.ranking.values import papers_of
from newsletter.sending.claim import Claimed
from newsletter.sending.history import remember
from newsletter.sending.plan import batch_like
from newsletter.sending.questions import Change

FIRST_BACK_OFF = timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(minutes=30)
MAILED = (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN)
_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one delivery that was not plainly sent."""

    delivery_id: int
    status: DeliveryStatus
    reason: str
    attempts: int = 0


def write_note(batch_id: int, note: Note, now: datetime) -> None:
    """Record one delivery of the batch. One that is settled already is left as it is, and one that
    staff have planned again since it was noted first belongs to another batch, perhaps to another
    worker by now.
    """
    settled_at = None if note.status == DeliveryStatus.DEFERRED else now
    Delivery.objects.filter(
        pk=note.delivery_id, batch=batch_id, status=DeliveryStatus.CLAIMED
    ).update(
        status=note.status, reason=note.reason[:300], attempts=note.attempts, settled_at=settled_at
    )


_end = Change(
    "end_batch",
    lambda batch, token, cursor, now: (
        Batch.objects.filter(pk=batch, token=token, state=BatchState.CLAIMED),
        {"state": BatchState.DONE, "cursor": cursor, "finished_at": now},
    ),
)
_settle_sent = Change(
    "settle_sent",
    lambda batch, cursor, now: (
        Delivery.objects.filter(batch=batch, status=DeliveryStatus.CLAIMED, position__lt=cursor),
        {"status": DeliveryStatus.SENT, "settled_at": now},
    ),
)


def finish(
    claimed: Claimed,
    cursor: int,
    notes: Sequence[Note],
    resume_at: datetime,
    now: datetime,
    *,
    as_chosen: bool = False,
) -> bool:
    """Settle the whole batch in one transaction; False when it is no longer this worker's, and then
    nothing is written.

    Deliveries before the cursor without a note were sent; the others go to another batch, due at
    `resume_at`. `as_chosen` says that every mail carried all the papers that were chosen for it.
    When all of them were sent, nothing has to be read back.
    """
    with transaction.atomic():
        if not _end(claimed.batch_id, claimed.token, cursor, now):
            return False
        for note in notes:
            write_note(claimed.batch_id, note, now)
        sent = _settle_sent(claimed.batch_id, cursor, now)
        if as_chosen and sent == len(claimed.hand_overs):
            remember({one.reader.id: papers_of(one.selection.picks) for one in claimed.hand_overs})
            return True
        Delivery.objects.filter(batch=claimed.batch_id, status=DeliveryStatus.CLAIMED).update(
            status=DeliveryStatus.DEFERRED
        )
        carry_over(Batch.objects.get(pk=claimed.batch_id), cursor, resume_at, now)
        remember_batch(claimed.batch_id)
    return True


def remember_batch(batch_id: int) -> None:
    """Add what the batch mailed, or may have mailed, to its readers' histories."""
    mailed = Delivery.objects.filter(batch=batch_id, status__in=MAILED)
    remember(dict(mailed.values_list("subscriber_id", "papers")))


def carry_over(batch: Batch, cursor: int, resume_at: datetime, now: datetime) -> None:
    """Move a batch's deferred deliveries to batches of their own: those refused for the moment back
    off, the rest go on at `resume_at`.

    In a cancelled edition they are cancelled instead. The failures of a batch that an exception
    ended go with them.
    """
    deferred = Delivery.objects.filter(batch=batch, status=DeliveryStatus.DEFERRED)
    if Edition.objects.filter(pk=batch.edition_id, state=EditionState.CANCELLED).exists():
        deferred.update(status=DeliveryStatus.CANCELLED, settled_at=now)
        return
    refused = deferred.filter(position__lt=cursor)
    attempts = refused.aggregate(most=Max("attempts"))["most"]
    if attempts is not None:
        later = batch_like(batch, max(resume_at, now + back_off(attempts)))
        later.save()
        refused.update(batch=later)
    if deferred.exists():
        later = batch_like(batch, resume_at)
        later.save()
        deferred.update(batch=later)


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many refusals: doubling, bounded, and spread by half so
    that retries do not march in step.
    """
    longest = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * int(2 ** min(attempts, 10)))
    return longest * _jitter.uniform(0.5, 1.0)
