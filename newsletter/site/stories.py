"""Stories: an edition's papers as the site shows them, best first."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.models import Paper
from ingest.tex import without_tex
from newsletter.composing.summary import summarise
from newsletter.editions.curation import Decisions, decisions_on
from newsletter.models import AFTER_FREEZE, Candidate, Edition

SUMMARY_LENGTH = 420


@dataclass(frozen=True, slots=True)
class Story:
    """One paper on the site. `growth` is how many votes came in about a day, None where one of the
    two counts is missing.

    `share` is the votes in percent of the most voted paper shown beside it, for the bar.
    """

    paper_id: int
    title: str
    url: str
    byline: str
    summary: str
    votes: int | None
    growth: int | None
    comments: int | None
    code_url: str
    note: str
    pinned: bool
    share: int = 0

    @property
    def lost(self) -> int:
        """How many votes were taken back in about a day."""
        return max(0, -(self.growth or 0))


def published_editions() -> list[Edition]:
    """Return the editions anyone may read, newest first, without their statistics."""
    return list(
        Edition.objects.filter(state__in=AFTER_FREEZE)
        .defer("statistics")
        .order_by("-day", "cadence")
    )


def latest_edition() -> Edition | None:
    """Return the newest daily edition that is frozen, or any newest one when there is no daily
    yet.
    """
    frozen = Edition.objects.filter(state__in=AFTER_FREEZE).defer("statistics")
    return frozen.order_by("cadence", "-day").first()


def stories_of(edition: Edition) -> list[Story]:
    """Return the papers of an edition as it stands: staff's hidden and struck ones left out,
    pinned ones first, then by growth.
    """
    decisions = decisions_on(edition)
    struck = set(edition.strikes.values_list("paper_id", flat=True))
    shown = [
        (candidate, decided)
        for candidate in edition.candidates.select_related("paper")
        if not (decided := decisions.get(candidate.paper_id, Decisions())).hidden
        and candidate.paper_id not in struck
        and candidate.paper.withdrawn_at is None
    ]
    most = max((candidate.votes or 0 for candidate, _decided in shown), default=0)
    stories = [_story(candidate, decided, most) for candidate, decided in shown]
    return sorted(
        stories,
        key=lambda story: (
            not story.pinned,
            -(story.growth or 0),
            -(story.votes or 0),
            story.title,
        ),
    )


def byline(authors: Sequence[str], author_count: int | None, shown: int = 3) -> str:
    """Return the first authors and how many more there are; the number alone where no names are
    known.
    """
    count = max(author_count or 0, len(authors))
    if not authors:
        return f"{count} authors" if count > 1 else ""
    named = authors[:shown]
    unnamed = count - len(named)
    return ", ".join(named) + (f" and {unnamed} more" if unnamed else "")


def plain_title(paper: Paper) -> str:
    """Return the title without TeX, or as it was given where nothing else is left."""
    return without_tex(paper.title) or paper.title


def summary_of(paper: Paper) -> str:
    """Return the first sentences of the abstract, without TeX, as the digests have them."""
    return summarise(" ".join(without_tex(paper.abstract).split()), SUMMARY_LENGTH).text


def _story(candidate: Candidate, decided: Decisions, most: int) -> Story:
    paper = candidate.paper
    votes, before = candidate.votes, candidate.votes_before
    return Story(
        paper_id=paper.pk,
        title=plain_title(paper),
        url=paper.get_absolute_url(),
        byline=byline(paper.authors, paper.author_count),
        summary=summary_of(paper),
        votes=votes,
        growth=votes - before if votes is not None and before is not None else None,
        comments=candidate.comments,
        code_url=paper.code_link,
        note=decided.note,
        pinned=decided.pinned,
        share=round(100 * votes / most) if votes and most else 0,
    )
