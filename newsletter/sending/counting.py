"""Counting deliveries by status without reading them all: a batch that is over keeps its counts.

The sweep counts a batch once, after it has ended. The deliveries of batches that are not counted
yet, a few, are counted when somebody asks. So sending writes no counts, and nobody waits for a row
of counts. Whoever changes the status of a delivery in a batch that is over takes the counts away
(`uncount`), and the next sweep counts the batch again.
"""

from collections import Counter
from collections.abc import Collection

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from newsletter.models import Batch, BatchState, Delivery, DeliveryStatus, Ids
from newsletter.models.delivery import NOT_CHOSEN, NOT_PRINTED

OVER = (BatchState.DONE, BatchState.CANCELLED, BatchState.LATE)
COUNTED_AT_ONCE = 500
NOT_MADE = "not_made"
"""Beside the statuses: failed deliveries whose fault is ours, before any provider saw the mail."""


def counted(batches: QuerySet[Batch], *, from_rows: bool = False) -> Counter[str]:
    """Return how many deliveries of the batches have each status, and how many were `NOT_MADE`.

    Args:
        from_rows: read all deliveries, whatever is stored.
    """
    rows = [
        (pk, None if from_rows else counts)
        for pk, counts in batches.order_by().values_list("pk", "counts")
    ]
    total: Counter[str] = Counter()
    for _, counts in rows:
        total.update(counts or {})
    total.update(_count_rows([pk for pk, counts in rows if counts is None]))
    return total


def count_batches() -> int:
    """Count the batches that are over and not counted, some hundreds at a time; return how many.
    Safe to repeat and to run twice at once.
    """
    waiting = Batch.objects.filter(counts__isnull=True, state__in=OVER).order_by("pk")
    keys = list(waiting.values_list("pk", flat=True)[:COUNTED_AT_ONCE])
    for key in keys:
        with transaction.atomic():
            # Whoever changes a delivery of the batch takes its counts away, and so has this row
            # locked until the change is seen.
            if waiting.select_for_update().filter(pk=key).exists():
                Batch.objects.filter(pk=key).update(counts=_count_rows([key]))
    return len(keys)


def uncount(batch_ids: Collection[int]) -> None:
    """Forget the counts of batches, in the transaction that changes a status of their deliveries.
    Batches are locked in the order that everybody keeps to who locks several.
    """
    batches = Batch.objects.filter(pk__in=batch_ids)
    list(batches.select_for_update().order_by("pk").values_list("pk"))
    batches.update(counts=None)


def _count_rows(batch_ids: Collection[int]) -> dict[str, int]:
    if not batch_ids:
        return {}
    rows = Delivery.objects.filter(batch__among=Ids(batch_ids)).order_by()
    not_made = Q(reason__startswith=NOT_CHOSEN) | Q(reason__startswith=NOT_PRINTED)
    found: dict[str, int] = {}
    for status, number, ours in (
        rows.values("status")
        .annotate(number=Count("pk"), ours=Count("pk", filter=not_made))
        .values_list("status", "number", "ours")
    ):
        found[status] = number
        if status == DeliveryStatus.FAILED and ours:
            found[NOT_MADE] = ours
    return found
