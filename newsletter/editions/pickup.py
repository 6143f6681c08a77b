"""What past listings teach about the votes that new papers will get."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

from django.db.models import Exists, Max, Min, OuterRef, QuerySet

from ingest.models import Count, Listing, Paper
from newsletter.ranking.pickup import PastPaper, PickupModel

MOST_VOTED = 10_000
"""Papers with votes that are learned from: more than a year of daily lists."""
MOST_ANNOUNCED = 5_000
"""Papers that were only announced. A source of announcements lists ten times as many papers a
day as a list with votes, so the two have limits of their own.
"""
REACH = timedelta(days=730)
"""Older listings say little: what they teach halves in a year."""
READ_AT_ONCE = 500

_Listed = tuple[int, date, int | None]
"""A paper's id, its first listing day and its most votes, None for one that was only announced."""


def pickup_model(day: date) -> PickupModel | None:
    """Return the expectations that listings of days before `day` teach, or None while there are too
    few of them.

    Only votes that were known are used; listings of `day` itself and later ones are never looked
    at.
    """
    listings = Listing.objects.filter(
        day__lt=day, day__gte=day - REACH, paper__merged_into=None
    ).order_by()
    has_votes = Exists(Count.objects.filter(listing=OuterRef("pk"), votes__isnull=False))
    voted = _newest(listings.filter(has_votes), MOST_VOTED)
    # Read twice as many: a paper that is on a list with votes too counts there alone.
    known = {paper_id for paper_id, _, _ in voted}
    others = _newest(listings.exclude(has_votes), 2 * MOST_ANNOUNCED)
    announced = [one for one in others if one[0] not in known][:MOST_ANNOUNCED]
    return _learned((*voted, *announced), day)


def _newest(listings: QuerySet[Listing], most: int) -> list[_Listed]:
    return list(
        listings.values_list("paper_id")
        .annotate(first=Min("day"), votes=Max("counts__votes"))
        .order_by("-first", "-paper_id")[:most]
    )


@lru_cache(maxsize=1)
def _learned(listed: tuple[_Listed, ...], day: date) -> PickupModel | None:
    """Learning takes a few seconds for thousands of papers, and an edition is previewed many
    times.
    """
    papers = _papers(paper_id for paper_id, _, _ in listed)
    history = [_past(papers[paper_id], first, votes) for paper_id, first, votes in listed]
    return PickupModel(history, day) if PickupModel.enough(history, day) else None


def _papers(ids: Iterable[int]) -> dict[int, Paper]:
    fields = ("title", "abstract", "authors", "author_count", "code_link")
    wanted = list(ids)
    found: dict[int, Paper] = {}
    for start in range(0, len(wanted), READ_AT_ONCE):
        found |= Paper.objects.only(*fields).in_bulk(wanted[start : start + READ_AT_ONCE])
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
