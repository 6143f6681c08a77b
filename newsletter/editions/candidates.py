"""Which papers an edition may mail, and what the ranking is told about each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from ingest.health import honest_line
from ingest.known_sources import BY_HAND
from ingest.models import Count, Listing, Paper
from newsletter.editions.curation import Decisions, decisions_on
from newsletter.editions.merges import canonical, merged_into
from newsletter.models import BEFORE_FROZEN, Candidate, Edition, EditionState
from newsletter.ranking.values import CandidatePaper

GROWTH_SPAN = timedelta(days=1)
"""Growth compares the newest count with the one that stood this long before."""
HEALTH_LINE_LENGTH = 300


@dataclass(slots=True)
class _Sight:
    """What the window's listings say about one paper."""

    listed: date
    votes: int | None = None
    votes_before: int | None = None
    comments: int | None = None


def first_day(edition: Edition) -> date:
    """Return the first listing day in the edition's window; the last is the edition's own day."""
    return edition.day - timedelta(days=edition.candidate_days - 1)


def rebuild(edition: Edition, now: datetime) -> int:
    """Bring the candidates, their counts and the line about missing sources up to what is known at `now`; return how many there are.

    Repeatable until the edition is frozen; from then on it changes nothing, since a frozen edition can only lose papers.
    """
    with transaction.atomic():
        locked = Edition.objects.select_for_update().filter(pk=edition.pk, state__in=[*BEFORE_FROZEN, EditionState.HELD]).first()
        if locked is None:
            return edition.candidates.count()
        edition.health_line = honest_line(now)[:HEALTH_LINE_LENGTH]
        Edition.objects.filter(pk=edition.pk).exclude(health_line=edition.health_line).update(health_line=edition.health_line)
        return _store(locked, _sights(locked, now))


def _store(edition: Edition, sights: dict[int, _Sight]) -> int:
    edition.candidates.exclude(paper__in=sights).delete()
    Candidate.objects.bulk_create(
        [
            Candidate(
                edition=edition,
                paper_id=paper_id,
                listed=sight.listed,
                votes=sight.votes,
                votes_before=sight.votes_before,
                comments=sight.comments,
            )
            for paper_id, sight in sights.items()
        ],
        update_conflicts=True,
        unique_fields=["edition", "paper"],
        update_fields=["listed", "votes", "votes_before", "comments"],
    )
    return len(sights)


def _sights(edition: Edition, now: datetime) -> dict[int, _Sight]:
    """Collect the window's listings under the papers they stand for now; withdrawn papers are left out."""
    rows = list(_listings(edition).order_by("day", "pk").values_list("pk", "paper_id", "day"))
    stands_for = canonical({paper_id for _, paper_id, _ in rows})
    withdrawn = set(Paper.objects.filter(pk__in=set(stands_for.values()), withdrawn_at__isnull=False).values_list("pk", flat=True))
    sights: dict[int, _Sight] = {}
    paper_of: dict[int, int] = {}
    for pk, paper_id, day in rows:
        paper = stands_for[paper_id]
        if paper in withdrawn:
            continue
        sights.setdefault(paper, _Sight(listed=day))
        paper_of[pk] = paper
    _add_counts(sights, paper_of, now)
    return sights


def _listings(edition: Edition) -> QuerySet[Listing]:
    return Listing.objects.filter(day__range=(first_day(edition), edition.day))


def _add_counts(sights: dict[int, _Sight], paper_of: dict[int, int], now: datetime) -> None:
    """Give each paper its greatest count, and the greatest that stood a day before the count it shows."""
    history: dict[int, list[tuple[datetime, int | None, int | None]]] = defaultdict(list)
    counts = Count.objects.filter(listing__in=paper_of, seen_at__lte=now).order_by("seen_at", "pk")
    for listing_id, seen_at, votes, comments in counts.values_list("listing_id", "seen_at", "votes", "comments"):
        history[paper_of[listing_id]].append((seen_at, votes, comments))
    for paper_id, seen in history.items():
        newest = seen[-1][0]
        sight = sights[paper_id]
        sight.votes = _greatest(votes for _, votes, _ in seen)
        sight.comments = _greatest(comments for _, _, comments in seen)
        sight.votes_before = _greatest(votes for at, votes, _ in seen if at <= newest - GROWTH_SPAN)


def _greatest(numbers: Iterable[int | None]) -> int | None:
    return max((number for number in numbers if number is not None), default=None)


def sources_of(edition: Edition) -> int:
    """Return how many sources brought the edition's candidates; what staff added says nothing about the sources."""
    listings = _listings(edition).filter(paper__withdrawn_at=None).exclude(source__kind__in=BY_HAND)
    return listings.values("source").distinct().count()


def candidates_of(edition: Edition) -> list[CandidatePaper]:
    """Return what the ranking is told about each candidate, in order of paper id, with the newest curation; hidden ones are left out."""
    rows = list(edition.candidates.select_related("paper").order_by("paper_id"))
    merged: dict[int, list[int]] = defaultdict(list)
    for pk, into in merged_into(row.paper_id for row in rows).items():
        merged[into].append(pk)
    decisions = decisions_on(edition)
    return [
        _candidate(row, decisions.get(row.paper_id, Decisions()), tuple(sorted(merged[row.paper_id])))
        for row in rows
        if not decisions.get(row.paper_id, Decisions()).hidden
    ]


def _candidate(row: Candidate, decisions: Decisions, merged: tuple[int, ...]) -> CandidatePaper:
    paper = row.paper
    return CandidatePaper(
        id=paper.pk,
        title=paper.title,
        abstract=paper.abstract,
        authors=tuple(paper.authors),
        author_count=paper.author_count,
        categories=tuple(paper.categories),
        published=paper.published,
        listed=row.listed,
        votes=row.votes,
        votes_before=row.votes_before,
        comments=row.comments,
        has_code=bool(paper.code_link),
        boost=decisions.boost,
        pinned=decisions.pinned,
        note=decisions.note,
        duplicates_of=merged,
    )
