"""Which papers an edition may mail, and what the ranking is told about each."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, IntegerField, QuerySet, When
from django.db.models.functions import Coalesce

from ingest.health import honest_line
from ingest.known_sources import BY_HAND
from ingest.models import Listing
from ingest.papers import Votes, listed_between, vote_history
from ingest.redirects import canonical, merged_into
from newsletter.editions.curation import Decisions, decisions_on
from newsletter.models import BEFORE_FROZEN, Candidate, Edition, EditionState
from newsletter.ranking.values import CandidatePaper

HEALTH_LINE_LENGTH = 300


def first_day(edition: Edition) -> date:
    """Return the first listing day in the edition's window; the last is the edition's own day."""
    return edition.day - timedelta(days=edition.candidate_days - 1)


def rebuild(edition: Edition, now: datetime) -> int:
    """Bring the candidates, their counts and the line about missing sources up to what is known at
    `now`; return how many there are.

    Repeatable until the edition is frozen; from then on it changes nothing, since a frozen edition
    can only lose papers. A closed edition gets no more papers.
    """
    with transaction.atomic():
        locked = (
            Edition.objects.select_for_update()
            .filter(pk=edition.pk, state__in=[*BEFORE_FROZEN, EditionState.HELD])
            .first()
        )
        if locked is None:
            return edition.candidates.count()
        edition.health_line = honest_line(now)[:HEALTH_LINE_LENGTH]
        Edition.objects.filter(pk=edition.pk).exclude(health_line=edition.health_line).update(
            health_line=edition.health_line
        )
        votes = _votes(locked, now)
        if is_closed(locked):
            seen = set(canonical(locked.candidates.values_list("paper_id", flat=True)).values())
            votes = {paper_id: known for paper_id, known in votes.items() if paper_id in seen}
        return _store(locked, votes, now)


def is_closed(edition: Edition) -> bool:
    """Tell whether a person has approved or released the edition at its nominal instant or later.

    It is frozen as soon as the clock comes by, so it takes just the papers that this person saw.
    One that is approved earlier goes on collecting until its nominal instant, like all others.
    """
    return (
        edition.state == EditionState.APPROVED
        and edition.approved_at is not None
        and edition.approved_at >= edition.nominal_at
    )


def come_since_hold(edition: Edition) -> QuerySet[Candidate]:
    """Return the candidates that a held edition has got since it was held."""
    if edition.held_at is None:
        return edition.candidates.none()
    return edition.candidates.filter(since__gt=edition.held_at)


def _store(edition: Edition, votes: dict[int, Votes], now: datetime) -> int:
    edition.candidates.exclude(paper__in=votes).delete()
    Candidate.objects.bulk_create(
        [
            Candidate(
                edition=edition,
                paper_id=paper_id,
                since=now,
                listed=known.first_listed,
                votes=known.votes,
                votes_before=known.votes_before,
                comments=known.comments,
            )
            for paper_id, known in votes.items()
        ],
        update_conflicts=True,
        unique_fields=["edition", "paper"],
        update_fields=["listed", "votes", "votes_before", "comments"],
    )
    return len(votes)


def _votes(edition: Edition, now: datetime) -> dict[int, Votes]:
    """Return what is known of each paper that a source listed in the edition's window."""
    return vote_history(
        listed_between(first_day(edition), edition.day).values_list("pk", flat=True), now
    )


def sources_of(edition: Edition) -> int:
    """Return how many sources brought the edition's candidates; what staff added says nothing
    about the sources.
    """
    listings = Listing.objects.filter(
        day__range=(first_day(edition), edition.day), paper__withdrawn_at=None
    )
    return listings.exclude(source__kind__in=BY_HAND).values("source").distinct().count()


def best_first(
    edition: Edition, decisions: Mapping[int, Decisions] | None = None
) -> QuerySet[Candidate]:
    """Return the candidates that the site shows, best first: without those that staff hid or
    struck, pinned ones first in the order of the pins, then by growth, then by votes.
    """
    decisions = decisions_on(edition) if decisions is None else decisions
    hidden = [pk for pk, decided in decisions.items() if decided.hidden]
    pins = [
        When(paper=pk, then=decided.pin_place)
        for pk, decided in decisions.items()
        if decided.pinned
    ]
    growth = Coalesce(F("votes") - F("votes_before"), 0, output_field=IntegerField())
    return (
        edition.candidates.filter(paper__withdrawn_at=None)
        .exclude(paper__in=hidden)
        .exclude(paper__in=edition.strikes.values("paper"))
        .order_by(
            *([Case(*pins, default=len(pins) + 1)] if pins else []),
            growth.desc(),
            Coalesce("votes", 0).desc(),
            "paper__title",
            "paper",
        )
    )


def candidates_of(edition: Edition) -> list[CandidatePaper]:
    """Return what the ranking is told about each candidate, in order of paper id, with the
    newest curation; hidden ones are left out.
    """
    rows = list(edition.candidates.select_related("paper").order_by("paper_id"))
    merged: dict[int, list[int]] = defaultdict(list)
    for pk, into in merged_into(row.paper_id for row in rows).items():
        merged[into].append(pk)
    decisions = decisions_on(edition)
    return [
        _candidate(
            row, decisions.get(row.paper_id, Decisions()), tuple(sorted(merged[row.paper_id]))
        )
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
        pin_place=decisions.pin_place,
        note=decisions.note,
        duplicates_of=merged,
    )
