"""Stories: an edition's papers as the site shows them, best first."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from django.db.models import Count, Max, QuerySet

from ingest.models import Paper
from ingest.tex import without_tex
from newsletter.composing.summary import summarise
from newsletter.editions.candidates import best_first
from newsletter.editions.curation import Decisions, decisions_on
from newsletter.models import AFTER_FREEZE, Candidate, Edition

SUMMARY_LENGTH = 420


@dataclass(frozen=True, slots=True)
class Story:
    """One paper on the site. `growth` is how many votes came in about a day, None where one of the
    two counts is missing.

    `share` is the votes in percent of the edition's most voted paper, for the bar.
    """

    paper_id: int
    title: str
    url: str
    byline: str
    abstract: str
    votes: int | None
    growth: int | None
    comments: int | None
    code_url: str
    note: str
    pin_place: int
    share: int = 0

    @property
    def pinned(self) -> bool:
        return self.pin_place > 0

    @property
    def summary(self) -> str:
        """The first sentences of the abstract, made when they are asked for: most pages show
        titles.
        """
        return summary_of(self.abstract)

    @property
    def lost(self) -> int:
        """How many votes were taken back in about a day."""
        return max(0, -(self.growth or 0))


def latest_edition() -> Edition | None:
    """Return the newest daily edition that is frozen, or any newest one when there is no daily
    yet.
    """
    frozen = Edition.objects.filter(state__in=AFTER_FREEZE).defer("statistics")
    return frozen.order_by("cadence", "-day").first()


class Stories(Sequence[Story]):
    """The papers of an edition as it stands, best first (newsletter.editions.candidates).

    A slice reads its own papers only, since an edition may hold thousands. `len` is one query.
    """

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    @cached_property
    def _decisions(self) -> dict[int, Decisions]:
        return decisions_on(self._edition)

    @cached_property
    def _candidates(self) -> "QuerySet[Candidate]":
        return best_first(self._edition, self._decisions)

    @cached_property
    def _totals(self) -> tuple[int, int]:
        """How many papers there are, and the most votes that one of them has."""
        found = self._candidates.aggregate(papers=Count("pk"), most=Max("votes"))
        return found["papers"], found["most"] or 0

    def __len__(self) -> int:
        return self._totals[0]

    @overload
    def __getitem__(self, place: int) -> Story: ...

    @overload
    def __getitem__(self, place: slice) -> list[Story]: ...

    def __getitem__(self, place: int | slice) -> Story | list[Story]:
        if isinstance(place, int):
            return self._story(self._candidates.select_related("paper")[place])
        return [self._story(one) for one in self._candidates.select_related("paper")[place]]

    def __iter__(self) -> Iterator[Story]:
        """Read all papers at once; the default reads one after the other."""
        return iter(self[:])

    def among(self, paper_ids: Collection[int]) -> set[int]:
        """Return which of the papers are shown."""
        shown = self._candidates.filter(paper__in=paper_ids).order_by()
        return set(shown.values_list("paper_id", flat=True))

    def of(self, paper_ids: Collection[int]) -> dict[int, Story]:
        """Return the stories of some papers by id; those that are not shown are left out."""
        rows = self._candidates.select_related("paper").filter(paper__in=paper_ids)
        return {one.paper_id: self._story(one) for one in rows}

    def _story(self, candidate: Candidate) -> Story:
        decided = self._decisions.get(candidate.paper_id, Decisions())
        return _story(candidate, decided, self._totals[1])


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


def summary_of(abstract: str) -> str:
    """Return the first sentences of an abstract, without TeX, as the digests have them."""
    return summarise(" ".join(without_tex(abstract).split()), SUMMARY_LENGTH).text


def _story(candidate: Candidate, decided: Decisions, most: int) -> Story:
    paper = candidate.paper
    votes, before = candidate.votes, candidate.votes_before
    return Story(
        paper_id=paper.pk,
        title=plain_title(paper),
        url=paper.get_absolute_url(),
        byline=byline(paper.authors, paper.author_count),
        abstract=paper.abstract,
        votes=votes,
        growth=votes - before if votes is not None and before is not None else None,
        comments=candidate.comments,
        code_url=paper.code_link,
        note=decided.note,
        pin_place=decided.pin_place,
        share=round(100 * votes / most) if votes and most else 0,
    )
