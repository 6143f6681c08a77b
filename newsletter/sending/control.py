"""Run control: what staff, and errors that concern every mail, can do to a run that is under way."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from ingest.models import Paper
from newsletter.editions import WrongState
from newsletter.models import AFTER_FREEZE, Batch, BatchState, Delivery, DeliveryStatus, Edition, EditionState, Strike
from newsletter.sending.history import forget

log = structlog.get_logger(__name__)

UNDER_WAY = (BatchState.PLANNED, BatchState.CLAIMED)


def pause(edition_id: int, reason: str, now: datetime, *, by_machine: bool = False) -> None:
    """Stop the run within one hand-over per worker; nothing is lost, and `resume` goes on. A pause in force keeps its reason.

    Staff are mailed about what the machine pauses.
    """
    Edition.objects.filter(pk=edition_id, paused_at=None).update(paused_at=now, paused_reason=reason[:300], untold=by_machine)
    Batch.objects.filter(edition=edition_id, state__in=UNDER_WAY).update(halted=True)
    log.error("run_paused", edition=edition_id, reason=reason)


def resume(edition_id: int) -> None:
    """Go on where the pause stopped. What a worker still holds ends by itself and is planned anew."""
    with transaction.atomic():
        Edition.objects.filter(pk=edition_id).update(paused_at=None, paused_reason="", untold=False)
        Batch.objects.filter(edition=edition_id, state=BatchState.PLANNED).update(halted=False)


def cancel_run(edition_id: int) -> None:
    """End a frozen edition for good: what is not handed over yet never will be. The sweep writes the books of those readers.

    Raises:
        WrongState: the edition is not frozen, or is done.
    """
    if not Edition.objects.filter(pk=edition_id, state__in=[EditionState.FROZEN, EditionState.SENDING]).update(
        state=EditionState.CANCELLED
    ):
        raise WrongState("Only an edition that is frozen or being sent can be cancelled here.")
    Batch.objects.filter(edition=edition_id, state__in=UNDER_WAY).update(halted=True)


def strike(edition: Edition, paper: Paper, reason: str, staff: User | None, now: datetime) -> Strike:
    """Take a paper out of a frozen edition. Digests chosen already but not handed over are chosen again without it.

    Raises:
        WrongState: the edition is not frozen yet; hiding the paper does it.
    """
    if not Edition.objects.filter(pk=edition.pk, state__in=AFTER_FREEZE).exists():
        raise WrongState("A paper is struck from a frozen edition; before the freeze it is hidden.")
    struck, _ = Strike.objects.get_or_create(edition=edition, paper=paper, defaults={"reason": reason[:300], "by": staff, "at": now})
    with transaction.atomic():
        # A claim under way holds its batch locked: waiting for it lets the next line see it as claimed.
        list(Batch.objects.select_for_update().filter(edition=edition, state__in=UNDER_WAY).order_by("pk").values_list("pk"))
        Batch.objects.filter(edition=edition, state=BatchState.CLAIMED).update(halted=True)
    return struck


def retry_failed(edition_id: int, now: datetime) -> int:
    """Plan the edition's failed deliveries again, due at once; return how many."""
    with transaction.atomic():
        failed = Delivery.objects.select_for_update().filter(edition=edition_id, status=DeliveryStatus.FAILED)
        return _plan_again(edition_id, list(failed.order_by("pk").values_list("pk", flat=True)), now)


def settle_uncertain(delivery_ids: Iterable[int], *, arrived: bool, now: datetime) -> int:
    """Settle uncertain deliveries by what a person found out: they arrived, or they are to be sent again. Return how many."""
    with transaction.atomic():
        rows = list(Delivery.objects.select_for_update().filter(pk__in=[*delivery_ids], status=DeliveryStatus.UNCERTAIN).order_by("pk"))
        if arrived:
            return Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(status=DeliveryStatus.SENT, settled_at=now)
        forget({row.subscriber_id: row.papers for row in rows})
        for edition_id in {row.edition_id for row in rows}:
            _plan_again(edition_id, [row.pk for row in rows if row.edition_id == edition_id], now)
    return len(rows)


def _plan_again(edition_id: int, delivery_ids: list[int], now: datetime) -> int:
    """Put settled deliveries into new batches, due now, and open the edition's books again."""
    if not delivery_ids:
        return 0
    edition = Edition.objects.select_for_update().defer("statistics").get(pk=edition_id)
    for start in range(0, len(delivery_ids), settings.BATCH_SIZE):
        batch = Batch.objects.create(edition=edition, slot_at=now, send_after=now, at_once=True)
        part = delivery_ids[start : start + settings.BATCH_SIZE]
        again = [
            Delivery(pk=pk, batch=batch, position=position, status=DeliveryStatus.DEFERRED, reason="", attempts=0, settled_at=None)
            for position, pk in enumerate(part)
        ]
        Delivery.objects.bulk_update(again, ["batch", "position", "status", "reason", "attempts", "settled_at"])
    Edition.objects.filter(pk=edition_id, state=EditionState.DONE).update(state=EditionState.SENDING, done_at=None)
    return len(delivery_ids)
