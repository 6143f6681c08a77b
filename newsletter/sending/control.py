"""Run control: what staff, and errors that concern every mail, can do to a run that is under
way.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ingest.models import Paper
from newsletter.editions import WrongState
from newsletter.models import (
    AFTER_FREEZE,
    NOT_CHOSEN_YET,
    UNDER_WAY,
    Alert,
    AlertKind,
    Batch,
    BatchState,
    Delivery,
    DeliveryStatus,
    Edition,
    EditionState,
    Strike,
)
from newsletter.sending.counting import uncount
from newsletter.sending.history import forget
from newsletter.sending.plan import batch_size

log = structlog.get_logger(__name__)


def pause(edition_id: int, reason: str, now: datetime, *, by_machine: bool = False) -> None:
    """Stop the run within one hand-over per worker; nothing is lost, and `resume` goes on. A pause
    in force keeps its reason.

    Staff are mailed about what the machine pauses.
    """
    # At once for all claims to come; what is claimed already or about to be is halted next, unless
    # somebody has resumed meanwhile.
    with transaction.atomic():
        paused = Edition.objects.filter(pk=edition_id, paused_at=None).update(
            paused_at=now, paused_reason=reason[:300]
        )
        if paused and by_machine:
            Alert.objects.note(edition_id, AlertKind.PAUSED, reason)
    with transaction.atomic():
        under_way = _under_way(edition_id)
        if (
            Edition.objects.select_for_update(no_key=True)
            .filter(pk=edition_id)
            .exclude(paused_at=None)
            .values_list("pk")
        ):
            under_way.update(halted=True)
    log.error("run_paused", edition=edition_id, reason=reason)


def resume(edition_id: int, now: datetime | None = None) -> None:
    """Go on where the pause stopped. What a worker still holds ends by itself and is planned
    anew. The circuit breaker counts anew what is reported from now on.
    """
    with transaction.atomic():
        under_way = _under_way(edition_id)
        Edition.objects.filter(pk=edition_id).update(
            paused_at=None, paused_reason="", resumed_at=now or timezone.now()
        )
        Alert.objects.end(edition_id, AlertKind.PAUSED)
        under_way.filter(state__in=NOT_CHOSEN_YET).update(halted=False)


def cancel_run(edition_id: int) -> None:
    """End a frozen edition for good: what is not handed over yet never will be. The sweep writes
    the books of those readers.

    Raises:
        WrongState: the edition is not frozen, or is done.
    """
    if not Edition.objects.filter(
        pk=edition_id, state__in=[EditionState.FROZEN, EditionState.SENDING]
    ).update(state=EditionState.CANCELLED):
        raise WrongState("Only an edition that is frozen or being sent can be cancelled here.")
    with transaction.atomic():
        _under_way(edition_id).update(halted=True)


def strike(
    edition: Edition, paper: Paper, reason: str, staff: User | None, now: datetime
) -> Strike:
    """Take a paper out of a frozen edition. Digests chosen already but not handed over are chosen
    again without it.

    Raises:
        WrongState: the edition is not frozen yet; hiding the paper does it.
    """
    if not Edition.objects.filter(pk=edition.pk, state__in=AFTER_FREEZE).exists():
        raise WrongState("A paper is struck from a frozen edition; before the freeze it is hidden.")
    struck, _ = Strike.objects.get_or_create(
        edition=edition, paper=paper, defaults={"reason": reason[:300], "by": staff, "at": now}
    )
    with transaction.atomic():
        _under_way(edition.pk).filter(state=BatchState.CLAIMED).update(halted=True)
    return struck


def retry_failed(edition_id: int, now: datetime) -> int:
    """Plan the edition's failed deliveries again, due at once; return how many.

    Raises:
        WrongState: nothing of the edition is sent any more, because it is cancelled, or it was
            never sent.
    """
    with transaction.atomic():
        [edition] = _still_sent([edition_id])
        return _plan_again(edition, edition.deliveries.filter(status=DeliveryStatus.FAILED), now)


def settle_uncertain(delivery_ids: Iterable[int], *, arrived: bool, now: datetime) -> int:
    """Settle uncertain deliveries by what a person found out: they arrived, or they are to be sent
    again. Return how many.

    Raises:
        WrongState: one is to be sent again, but its edition is cancelled.
    """
    uncertain = Delivery.objects.filter(pk__in=[*delivery_ids], status=DeliveryStatus.UNCERTAIN)
    if arrived:
        with transaction.atomic():
            uncount({*uncertain.values_list("batch", flat=True)})
            return uncertain.update(status=DeliveryStatus.SENT, settled_at=now)
    with transaction.atomic():
        editions = _still_sent({*uncertain.values_list("edition", flat=True)})
        # The end of a batch writes its readers' histories: either before something is forgotten
        # here, or knowing that it is.
        _lock(Batch.objects.filter(pk__in={*uncertain.values_list("batch", flat=True)}))
        not_mailed: dict[int, set[int]] = defaultdict(set)
        for reader, papers in (
            uncertain.select_for_update().order_by("pk").values_list("subscriber_id", "papers")
        ):
            not_mailed[reader].update(papers)
        forget(not_mailed)
        return sum(
            _plan_again(edition, uncertain.filter(edition=edition), now) for edition in editions
        )


def _still_sent(edition_ids: Collection[int]) -> list[Edition]:
    """Return the editions, locked so that none of them is called done or cancelled meanwhile.

    Raises:
        WrongState: one of them is not being sent, nor done, or its deliveries are being deleted.
    """
    editions = list(
        Edition.objects.select_for_update(no_key=True)
        .defer("statistics")
        .filter(pk__in=edition_ids)
        .order_by("pk")
    )
    for edition in editions:
        if edition.state not in (EditionState.SENDING, EditionState.DONE):
            raise WrongState(
                f"{edition} is {edition.get_state_display()}: nothing of it is sent again."
            )
        if edition.final_books is not None:
            raise WrongState(f"{edition} is old: its deliveries are deleted, and not sent again.")
    return editions


def _under_way(edition_id: int) -> QuerySet[Batch]:
    """Return the edition's batches that are not over, locked.

    A claim that is just writing its deliveries holds its batch locked: having waited for it,
    whoever goes on sees it as claimed. The claim itself may wait for a reader who is just coming
    back, and their first digest for the edition: nobody locks that before having these.
    """
    batches = Batch.objects.filter(edition=edition_id, state__in=UNDER_WAY)
    _lock(batches)
    return batches


def _lock(batches: QuerySet[Batch]) -> None:
    """Lock the batches until the transaction ends, in the order that everybody keeps to who
    locks several.
    """
    list(batches.select_for_update().order_by("pk").values_list("pk"))


def _plan_again(edition: Edition, settled: QuerySet[Delivery], now: datetime) -> int:
    """Put settled deliveries into new batches, due now and otherwise like those they were in,
    and open the edition's books again.
    """
    alike: dict[tuple[bool, str], list[int]] = defaultdict(list)
    uncount({*settled.values_list("batch", flat=True)})
    locked = settled.select_for_update(of=("self",)).order_by("pk")
    for pk, at_once, domain in locked.values_list("pk", "batch__at_once", "batch__domain"):
        alike[at_once, domain].append(pk)
    for (at_once, domain), pks in alike.items():
        size = batch_size(domain)
        for start in range(0, len(pks), size):
            batch = Batch.objects.create(
                edition=edition, slot_at=now, send_after=now, at_once=at_once, domain=domain
            )
            again = [
                Delivery(
                    pk=pk,
                    batch=batch,
                    position=position,
                    status=DeliveryStatus.DEFERRED,
                    reason="",
                    attempts=0,
                    settled_at=None,
                )
                for position, pk in enumerate(pks[start : start + size])
            ]
            Delivery.objects.bulk_update(
                again, ["batch", "position", "status", "reason", "attempts", "settled_at"]
            )
    if alike:
        Edition.objects.filter(pk=edition.pk, state=EditionState.DONE).update(
            state=EditionState.SENDING, done_at=None
        )
    return sum(map(len, alike.values()))
