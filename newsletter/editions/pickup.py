"""What past listings teach about the votes that new papers will get."""

from datetime import date, timedelta
from functools import lru_cache

from django.db.models import Max, Min

from ingest.models import Listing, Paper
from newsletter.ranking.pickup import PastPaper, PickupModel

MOST_PAPERS = 5_000
REACH = timedelta(days=730)
"""Older listings say little: what they teach halves in a year."""
READ_AT_ONCE = 500


def pickup_model(day: date) -> PickupModel | None:
    """Return the expectations that listings of days before `day` teach, or None while there are too
    few of them.

    Only votes that were known are used; listings of `day` itself and later ones are never looked
    at.
    """
    listed = tuple(
        Listing.objects.filter(day__lt=day, day__gte=day - REACH, paper__merged_into=None)
        .values_list("paper_id")
        .annotate(first=Min("day"), votes=Max("counts__votes"))
        .order_by("-first", "-paper_id")[:MOST_PAPERS]
    )
    return _learned(listed, day)


@lru_cache(maxsize=2)
def _learned(listed: tuple[tuple[int, date, int | None], ...], day: date) -> PickupModel | None:
    """Learning takes a few seconds for thousands of papers, and an edition is previewed many
    times.
    """
    papers = _papers([paper_id for paper_id, _, _ in listed])
    history = [_past(papers[paper_id], first, votes) for paper_id, first, votes in listed]
    return PickupModel(history, day) if PickupModel.enough(history, day) else None


def _papers(ids: list[int]) -> dict[int, Paper]:
    fields = ("title", "abstract", "authors", "author_count", "code_link")
    found: dict[int, Paper] = {}
    for start in range(0, len(ids), READ_AT_ONCE):
        found |= Paper.objects.only(*fields).in_bulk(ids[start : start + READ_AT_ONCE])
    return found


def _past(paper: Paper, first: date, votes: int | None) -> PastPaper:
    return PastPaper(
        title=paper.title,
        abstract=paper.abstract,
        authors=tuple(paper.authors),
        author_count=paper.author_count,
        has_code=bool(paper.code_link),
        day=first,
        votes=votes,
    )
