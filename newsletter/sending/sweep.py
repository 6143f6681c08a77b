"""The sweep: settles what workers left behind, what came too late and what was cancelled, and
closes the books.
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import QuerySet

from newsletter.faults import isolated
from newsletter.models import (
    LEASED,
    UNDER_WAY,
    Alert,
    AlertKind,
    Batch,
    BatchState,
    Delivery,
    DeliveryStatus,
    Edition,
    EditionState,
    Ids,
)
from newsletter.sending.books import books
from newsletter.sending.due import catch_up_start
from newsletter.sending.epoch import server_epoch
from newsletter.sending.failing import OutOfTime, count_failure, failures_counted
from newsletter.sending.inserting import NewDelivery, insert_deliveries
from newsletter.sending.readers import locked_readers
from newsletter.sending.record import carry_over, remember_batch

log = structlog.get_logger(__name__)

WRITTEN_OFF_AT_ONCE = 500
"""Batches per sweep: a task ends within a minute, and the next sweep goes on."""
STOPPED_WITHIN = "the worker stopped while handing it over"
MARKS_LOST = "the database server crashed while its batch was under way"


def sweep(now: datetime, *, only: Edition | None = None) -> None:
    """Settle everything that no worker will settle any more, of one edition or of all. Safe to
    repeat and to run twice at once. A batch or an edition that raises an exception stops no other.
    """
    batches, editions = Batch.objects.all(), Edition.objects.all()
    if only is not None:
        batches, editions = batches.filter(edition=only), editions.filter(pk=only.pk)
    for batch_id, state in (batches & _expired(now)).values_list("pk", "state"):
        with failures_counted(batch_id, BatchState(state), now):
            settle_expired(batch_id, now)
    _write_off(
        batches.filter(edition__state=EditionState.CANCELLED),
        BatchState.CANCELLED,
        DeliveryStatus.CANCELLED,
        now,
    )
    _write_off(
        batches.filter(slot_at__lt=catch_up_start(now)), BatchState.LATE, DeliveryStatus.LATE, now
    )
    for edition in editions.filter(state=EditionState.SENDING).only("pk"):
        with isolated("books_not_closed", edition=edition.pk):
            close_books(edition.pk, now)


def _expired(now: datetime) -> QuerySet[Batch]:
    return Batch.objects.filter(state__in=LEASED, lease_until__lte=now)


def settle_expired(batch_id: int, now: datetime) -> bool:
    """Settle a batch whose worker let its lease run out; False when there is none such any more.

    While digests were chosen nothing was begun: the batch is planned again, and the failure
    counted. Later the marks tell what may be sent again: before the cursor it was sent, at the
    cursor nobody knows, after it nothing was begun. When the database server has crashed since the
    claim, marks may be missing, and all that is not recorded otherwise is uncertain.
    """
    with transaction.atomic():
        batch = _expired(now).select_for_update(skip_locked=True).filter(pk=batch_id).first()
        if batch is None:
            return False
        if batch.state == BatchState.CHOOSING:
            _plan_again(batch.pk, now)
            return True
        claimed = batch.deliveries.filter(status=DeliveryStatus.CLAIMED)
        if batch.server_epoch == server_epoch():
            claimed.filter(position__lt=batch.cursor - batch.in_hand).update(
                status=DeliveryStatus.SENT, settled_at=now
            )
            claimed.filter(position__lt=batch.cursor).update(
                status=DeliveryStatus.UNCERTAIN, reason=STOPPED_WITHIN, settled_at=now
            )
            claimed.update(status=DeliveryStatus.DEFERRED)
        else:
            claimed.update(status=DeliveryStatus.UNCERTAIN, reason=MARKS_LOST, settled_at=now)
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.DONE, finished_at=now)
        carry_over(batch, batch.cursor, now, now)
        remember_batch(batch.pk)
    log.warning(
        "batch_settled_by_sweep", batch=batch.pk, edition=batch.edition_id, cursor=batch.cursor
    )
    return True


def _plan_again(batch_id: int, now: datetime) -> None:
    """Let a batch be claimed again whose worker stopped, or took too long, while it chose."""
    Batch.objects.filter(pk=batch_id).update(
        state=BatchState.PLANNED, token=None, lease_until=None, halted=False
    )
    count_failure(batch_id, BatchState.PLANNED, OutOfTime(), now)
    log.warning("batch_planned_again_by_sweep", batch=batch_id)


def _write_off(
    batches: QuerySet[Batch], state: BatchState, status: DeliveryStatus, now: datetime
) -> None:
    """Turn planned batches, and the readers in them, into a last state; what a worker is
    claiming just now is passed over.
    """
    for batch_id in list(
        batches.filter(state=BatchState.PLANNED)
        .order_by("pk")
        .values_list("pk", flat=True)[:WRITTEN_OFF_AT_ONCE]
    ):
        with failures_counted(batch_id, BatchState.PLANNED, now), transaction.atomic():
            batch = (
                Batch.objects.select_for_update(skip_locked=True)
                .filter(pk=batch_id, state=BatchState.PLANNED)
                .first()
            )
            if batch is not None:
                _write_off_one(batch, state, status, now)


def _write_off_one(batch: Batch, state: BatchState, status: DeliveryStatus, now: datetime) -> None:
    readers = locked_readers(batch.subscriber_ids)
    known = set(
        Delivery.objects.filter(
            edition=batch.edition_id, subscriber__among=Ids(batch.subscriber_ids)
        ).values_list("subscriber_id", flat=True)
    )
    rows = [
        NewDelivery(reader.id, status, settled_at=now)
        for reader in readers
        if reader.id not in known
    ]
    insert_deliveries(batch.edition_id, batch.pk, rows, now)
    batch.deliveries.filter(status=DeliveryStatus.DEFERRED).update(status=status, settled_at=now)
    Batch.objects.filter(pk=batch.pk).update(
        state=state, finished_at=now, subscriber_ids=[], planned_count=len(rows)
    )
    log.warning(
        "batch_written_off",
        batch=batch.pk,
        edition=batch.edition_id,
        state=state.value,
        readers=len(rows),
    )


def close_books(edition_id: int, now: datetime) -> bool:
    """Call the edition done if nothing is under way and its books balance; True when this call
    did.

    Books that do not balance raise an alert, and are logged when they are met first and whenever
    they change.
    """
    with transaction.atomic():
        edition = (
            Edition.objects.select_for_update()
            .defer("statistics")
            .filter(pk=edition_id, state=EditionState.SENDING)
            .first()
        )
        if edition is None or edition.batches.filter(state__in=UNDER_WAY).exists():
            return False
        account = books(edition, from_rows=True)
        if not account.balanced or account.open:
            if Alert.objects.note(edition_id, AlertKind.BOOKS, account.summary):
                log.error("books_do_not_balance", edition=str(edition), **dict(account.lines()))
            return False
        Edition.objects.filter(pk=edition_id).update(state=EditionState.DONE, done_at=now)
    log.info("edition_done", edition=str(edition), **dict(account.lines()))
    return True
