"""What is due: the database's answer, which the broker only carries to the workers."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min, QuerySet

from newsletter.models import LEASED, Batch, BatchState, Edition, EditionState

WOKEN_AT_ONCE = 2_000
"""More wake-ups than workers can answer until the next beat would only lengthen the queue."""


def waiting_batches() -> QuerySet[Batch]:
    """Planned batches that nothing but the time keeps back."""
    return Batch.objects.filter(
        state=BatchState.PLANNED,
        halted=False,
        edition__state=EditionState.SENDING,
        edition__paused_at=None,
    )


def catch_up_start(now: datetime) -> datetime:
    """Return the earliest slot whose mail may still go out at `now`; what was wanted before it
    is late.
    """
    return now - timedelta(hours=settings.CATCH_UP_HOURS)


def due_batches(
    now: datetime, *, edition: Edition | None = None, limit: int = WOKEN_AT_ONCE
) -> list[int]:
    """Return the ids of the batches that may be claimed at `now`, of one edition or of all, the
    longest waiting first.
    """
    due = waiting_batches().filter(send_after__lte=now, slot_at__gte=catch_up_start(now))
    if edition is not None:
        due = due.filter(edition=edition)
    return list(due.order_by("send_after", "pk").values_list("pk", flat=True)[:limit])


def next_instant(edition: Edition) -> datetime | None:
    """Return the earliest instant for which the edition has a batch planned; None when nothing
    waits.
    """
    first: datetime | None = (
        waiting_batches().filter(edition=edition).aggregate(first=Min("send_after"))["first"]
    )
    return first


def last_lease(edition: Edition) -> datetime | None:
    """Return when the last lease in force runs out; None when no worker has a batch. Past it the
    sweep can settle everything.
    """
    last: datetime | None = edition.batches.filter(state__in=LEASED).aggregate(
        last=Max("lease_until")
    )["last"]
    return last


def at_work(edition: Edition, now: datetime) -> bool:
    """Say whether anything of the edition is due at `now` or in a worker's hands."""
    if edition.batches.filter(state__in=LEASED).exists():
        return True
    return waiting_batches().filter(edition=edition, send_after__lte=now).exists()
