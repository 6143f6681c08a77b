"""The books of an edition: every reader it was due to is accounted for, or it is not done."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db.models import Sum

from newsletter.models import NOT_CHOSEN_YET, DeliveryStatus, Edition, EditionState
from newsletter.sending.counting import counted

SETTLED = tuple(
    status
    for status in DeliveryStatus
    if status not in (DeliveryStatus.CLAIMED, DeliveryStatus.DEFERRED)
)


@dataclass(frozen=True, slots=True)
class Books:
    """Counts of readers. `due` comes from the planning, all else from the deliveries and from
    what is still planned.
    """

    due: int
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    suppressed: int = 0
    uncertain: int = 0
    cancelled: int = 0
    late: int = 0
    planned: int = 0
    claimed: int = 0
    deferred: int = 0

    @property
    def settled(self) -> int:
        """How many readers' books are closed."""
        return (
            self.sent
            + self.failed
            + self.skipped
            + self.suppressed
            + self.uncertain
            + self.cancelled
            + self.late
        )

    @property
    def open(self) -> int:
        return self.planned + self.claimed + self.deferred

    @property
    def balanced(self) -> bool:
        """Whether every reader due is accounted for exactly once."""
        return self.due == self.settled + self.open

    def lines(self) -> list[tuple[str, int]]:
        """Return each account with its count, in the order in which they are read."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    @property
    def summary(self) -> str:
        """The accounts in which there are readers, such as `due 5, sent 4`."""
        return ", ".join(
            f"{name} {count}" for name, count in self.lines() if count or name == "due"
        )


def books(edition: Edition, *, from_rows: bool = False) -> Books:
    """Return the edition's books as they stand; of an edition whose deliveries were deleted as
    they stood before.

    Args:
        from_rows: count all deliveries, instead of taking the counts of the batches that are over.
    """
    if edition.final_books is not None:
        return Books(**edition.final_books)
    batches = edition.batches.aggregate(due=Sum("planned_count", default=0))
    planned = edition.batches.filter(state__in=NOT_CHOSEN_YET).aggregate(
        planned=Sum("planned_count", default=0)
    )
    found = counted(edition.batches.all(), from_rows=from_rows)
    return Books(
        **batches, **planned, **{status.value: found[status.value] for status in DeliveryStatus}
    )


def estimate(edition: Edition, now: datetime) -> datetime | None:
    """Return when the mail that is due now will have gone at the pace of the batches that ended
    in the last ten minutes; None without a pace to go by.
    """
    if edition.state != EditionState.SENDING:
        return None
    span = timedelta(minutes=10)
    lately = counted(edition.batches.filter(finished_at__range=(now - span, now)))
    pace = sum(lately[status.value] for status in SETTLED) / span.total_seconds()
    if not pace:
        return None
    waiting = edition.batches.filter(state__in=NOT_CHOSEN_YET, send_after__lte=now).aggregate(
        readers=Sum("planned_count", default=0)
    )
    found = counted(edition.batches.all())
    again = found[DeliveryStatus.CLAIMED] + found[DeliveryStatus.DEFERRED]
    return now + timedelta(seconds=(waiting["readers"] + again) / pace)
