"""Searching the stored papers: the database narrows them down by words, the ranking orders what
it found and says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ingest.models import Paper
from ingest.papers import vote_history
from newsletter.editions.archive import archive_statistics
from newsletter.ranking.rank import explain
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.text import STOP_WORDS, stem, words
from newsletter.ranking.values import CandidatePaper, Explanation, ReaderProfile
from newsletter.site.stories import byline, plain_title, summary_of

LONGEST_QUERY = 100
MOST_WORDS = 8
NEWEST_PAPERS = 10_000
"""How far back a search looks: with the two limits below it bounds its time, however large the
archive grows.
"""
IN_TITLE, ANYWHERE = 60, 90
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A paper that was found, with the words that say why."""

    title: str
    url: str
    byline: str
    summary: str
    reason: str
    votes: int | None


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show the papers that fit `q` best, each with the words that matched."""
    asked = " ".join(request.GET.get("q", "").split())[:LONGEST_QUERY]
    looked_for = " ".join(words(asked)[:MOST_WORDS])
    found = _found(looked_for, timezone.now()) if looked_for else []
    return render(
        request, "pages/search.html", {"asked": asked, "found": found, "looked": bool(looked_for)}
    )


def _found(looked_for: str, now: datetime) -> list[Found]:
    newest = Paper.objects.aggregate(newest=Max("pk"))["newest"] or 0
    best = _best(looked_for, newest)
    papers = Paper.objects.in_bulk([paper_id for paper_id, _ in best])
    votes = vote_history(list(papers), now)
    return [
        _shown(papers[pk], reason, votes[pk].votes if pk in votes else None)
        for pk, reason in best
        if pk in papers
    ]


@lru_cache(maxsize=256)
def _best(looked_for: str, newest: int) -> tuple[tuple[int, str], ...]:
    """Return the best papers' ids with the reason of each; worked out anew once there are newer
    papers.
    """
    candidates = _candidates(looked_for, newest)
    if not candidates:
        return ()
    moment = max(paper.first_seen_at for paper in candidates)
    statistics = EditionStatistics.freeze(
        [_candidate(paper) for paper in candidates], [], moment, archive=archive_statistics()
    )
    only_this = ReaderProfile(
        topics=(),
        phrases=(looked_for,),
        muted=(),
        minimum_votes=0,
        papers_per_digest=SHOWN,
        balance=0,
    )
    matching = [
        one
        for one in explain(statistics, only_this, [paper.pk for paper in candidates])
        if one.parts.topic > 0
    ]
    matching.sort(key=lambda one: (-one.parts.topic, -one.paper_id))
    return tuple((one.paper_id, _reason(one)) for one in matching[:SHOWN])


def _candidates(looked_for: str, newest: int) -> list[Paper]:
    """Return the newest papers that have every word, in any ending: first those with all of them
    in the title.
    """
    stems = (
        list(dict.fromkeys(stem(word) for word in looked_for.split() if word not in STOP_WORDS))
        or looked_for.split()
    )
    recent = Paper.objects.filter(
        pk__gt=newest - NEWEST_PAPERS, merged_into=None, withdrawn_at=None
    ).order_by("-pk")
    titled = recent.filter(*[Q(title__icontains=one) for one in stems])[:IN_TITLE]
    anywhere = recent.filter(
        *[Q(title__icontains=one) | Q(abstract__icontains=one) for one in stems]
    )[:ANYWHERE]
    return list({paper.pk: paper for paper in (*titled, *anywhere)}.values())


def _candidate(paper: Paper) -> CandidatePaper:
    return CandidatePaper(
        id=paper.pk,
        title=paper.title,
        abstract=paper.abstract,
        authors=(),
        author_count=None,
        categories=(),
        published=paper.published,
        listed=paper.first_seen_at.date(),
        votes=None,
        votes_before=None,
        comments=None,
        has_code=False,
    )


def _reason(found: Explanation) -> str:
    return next((reason.text for reason in found.reasons if reason.kind == "phrase"), "")


def _shown(paper: Paper, reason: str, votes: int | None) -> Found:
    names: Sequence[str] = paper.authors
    return Found(
        plain_title(paper),
        paper.get_absolute_url(),
        byline(names, paper.author_count),
        summary_of(paper.abstract),
        reason,
        votes,
    )
