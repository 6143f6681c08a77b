"""Losses: what a frozen edition has lost, or must take for something else, since its freeze.
Every claim asks, so it is one question.
"""

from typing import NamedTuple

from django.db.models import QuerySet, Value

from ingest.models import Paper
from newsletter.models import Strike
from newsletter.sending.questions import Question

_LOST, _MERGED = "lost", "merged"


class Losses(NamedTuple):
    """`gone`: papers that may not be mailed any more, struck or withdrawn. `merged`: some paper
    was merged with one of the edition's.
    """

    gone: frozenset[int]
    merged: bool


def _lost_or_merged(edition_id: int) -> QuerySet[Strike, tuple[str, int]]:
    struck = Strike.objects.filter(edition=edition_id).values_list(Value(_LOST), "paper_id")
    candidates = Paper.objects.filter(candidacies__edition=edition_id)
    withdrawn = candidates.filter(withdrawn_at__isnull=False).values_list(Value(_LOST), "pk")
    parts: list[QuerySet[Paper, tuple[str, int]]] = [
        withdrawn,
        candidates.filter(merged_into__isnull=False).values_list(Value(_MERGED), "pk"),
        Paper.objects.filter(merged_into__candidacies__edition=edition_id).values_list(
            Value(_MERGED), "pk"
        ),
    ]
    return struck.order_by().union(*(part.order_by() for part in parts), all=True)


_question = Question("losses", _lost_or_merged)


def losses_of(edition_id: int) -> Losses:
    """Return what the edition has lost by now."""
    rows = _question(edition_id)
    return Losses(
        frozenset(paper for kind, paper in rows if kind == _LOST),
        any(kind == _MERGED for kind, _ in rows),
    )
