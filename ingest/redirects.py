"""Following papers that were merged: which paper stands for another one now, and which ones a
paper stands for.
"""

from collections.abc import Iterable

from ingest.models import Paper


def canonical(papers: Iterable[int]) -> dict[int, int]:
    """Return for each paper the one that stands for it now: itself, or the end of its merges."""
    ends = {pk: pk for pk in papers}
    asked = set(ends)
    while asked:
        step = {
            pk: into
            for pk, into in Paper.objects.filter(
                pk__in=asked, merged_into__isnull=False
            ).values_list("pk", "merged_into_id")
            if into is not None
        }
        ends = {pk: step.get(end, end) for pk, end in ends.items()}
        asked = set(step.values())
    return ends


def merged_into(papers: Iterable[int]) -> dict[int, int]:
    """Return every paper that was merged into one of `papers`, however many steps back, with the
    one it ended in.
    """
    ends = {pk: pk for pk in papers}
    found: dict[int, int] = {}
    asked = set(ends)
    while asked:
        step = {
            pk: ends[into]
            for pk, into in Paper.objects.filter(merged_into__in=asked).values_list(
                "pk", "merged_into_id"
            )
            if into is not None and pk not in found
        }
        found |= step
        ends |= step
        asked = set(step)
    return found
