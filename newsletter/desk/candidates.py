"""The candidates of an edition as the curation desk lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from ingest.models import Paper
from newsletter.editions.curation import Decisions, decisions_on
from newsletter.models import Candidate, Edition
from subscriptions.wording import clean_line

PER_PAGE = 40
LEFT_OUT_SHOWN = 50
BY_GROWTH = (F("votes") - F("votes_before")).desc(nulls_last=True)
ORDERS = {
    "votes": (F("votes").desc(nulls_last=True), "paper_id"),
    "growth": (BY_GROWTH, F("votes").desc(nulls_last=True), "paper_id"),
    "newest": ("-listed", F("votes").desc(nulls_last=True), "paper_id"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate with the decisions in force and, after the freeze, why it was struck. `is_new`
    marks one that came since the edition was held.
    """

    candidate: Candidate
    decisions: Decisions
    struck: str
    is_new: bool

    @property
    def growth(self) -> int | None:
        """How many votes were added in about a day; None where that is not known."""
        now, before = self.candidate.votes, self.candidate.votes_before
        return None if now is None or before is None else now - before

    @property
    def decided(self) -> bool:
        return self.decisions != Decisions() or bool(self.struck) or bool(self.candidate.link_fault)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A paper that the machine struck, or mails without one of its links, and why."""

    paper: Paper
    reason: str
    struck: bool


def left_out_by_machine(edition: Edition) -> list[LeftOut]:
    """Return what nobody decided to leave out: at most 50 struck papers, then as many whose card
    lacks a link.
    """
    struck = edition.strikes.filter(by=None).select_related("paper")
    unlinked = (
        edition.candidates.exclude(link_fault="").select_related("paper").order_by("paper_id")
    )
    return [
        *(LeftOut(strike.paper, strike.reason, True) for strike in struck[:LEFT_OUT_SHOWN]),
        *(LeftOut(row.paper, row.link_fault, False) for row in unlinked[:LEFT_OUT_SHOWN]),
    ]


def candidate_page(edition: Edition, asked: QueryDict) -> Page[Any]:
    """Return one page of candidates, as rows.

    Args:
        asked: `q` finds words in titles, `show=decided` leaves out what nobody decided on,
            `show=new` what was there when the edition was held, `order` is one of `ORDERS`, `page`
            a number.
    """
    decisions = decisions_on(edition)
    struck = dict(edition.strikes.values_list("paper_id", "reason"))
    candidates = edition.candidates.select_related("paper").order_by(
        *ORDERS.get(asked.get("order", ""), ORDERS["votes"])
    )
    candidates = _narrowed(candidates, asked, decisions, struck)
    held_at = edition.held_at
    if asked.get("show") == "new" and held_at:
        candidates = candidates.filter(since__gt=held_at)
    page: Page[Any] = Paginator(candidates, PER_PAGE).get_page(asked.get("page"))
    page.object_list = [
        Row(
            candidate,
            decisions.get(candidate.paper_id, Decisions()),
            struck.get(candidate.paper_id, ""),
            held_at is not None and candidate.since > held_at,
        )
        for candidate in page.object_list
    ]
    return page


def _narrowed(
    candidates: QuerySet[Candidate],
    asked: QueryDict,
    decisions: Mapping[int, Decisions],
    struck: Mapping[int, str],
) -> QuerySet[Candidate]:
    for word in clean_line(asked.get("q", "")).split()[:8]:
        candidates = candidates.filter(paper__title__icontains=word)
    if asked.get("show") == "decided":
        in_force = {paper for paper, found in decisions.items() if found != Decisions()}
        candidates = candidates.filter(Q(paper__in=in_force | struck.keys()) | ~Q(link_fault=""))
    return candidates
