"""Staff decisions on the papers of an edition: append-only, the latest of each kind wins."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from ingest.models import Paper
from newsletter.editions.states import WrongState, lock
from newsletter.models import BEFORE_FROZEN, Curation, CurationKind, Edition, EditionState

NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Decisions:
    """What staff have decided about one paper so far. `boost` runs from −100 to 100."""

    pinned: bool = False
    hidden: bool = False
    boost: int = 0
    note: str = ""


def decisions_on(edition: Edition) -> dict[int, Decisions]:
    """Return the decisions in force by paper id."""
    latest: dict[int, dict[str, Curation]] = {}
    for curation in edition.curations.order_by("at", "pk"):
        latest.setdefault(curation.paper_id, {})[curation.kind] = curation
    return {paper_id: _decisions(kinds) for paper_id, kinds in latest.items()}


def _decisions(kinds: dict[str, Curation]) -> Decisions:
    def value(kind: CurationKind) -> int:
        return kinds[kind].value if kind in kinds else 0

    return Decisions(
        pinned=bool(value(CurationKind.PIN)),
        hidden=bool(value(CurationKind.HIDE)),
        boost=value(CurationKind.BOOST),
        note=kinds[CurationKind.NOTE].text if CurationKind.NOTE in kinds else "",
    )


def curate(
    edition: Edition,
    paper: Paper,
    action: str,
    staff: User | None,
    now: datetime,
    value: int | str = 1,
) -> Curation:
    """Write one decision; what was decided before stays as the trail. The first one takes an open
    edition into review.

    Args:
        action: a `CurationKind`.
        value: 1 or 0 to pin or hide and to take it back, −100 to 100 for a boost, the words for a
            note (none to take it back).

    Raises:
        ValueError: the value does not fit the action.
        WrongState: the edition is frozen already; striking the paper is what is left.
    """
    kind, number, text = _checked(action, value)
    with transaction.atomic():
        locked = lock(edition)
        if locked.state not in (*BEFORE_FROZEN, EditionState.HELD):
            raise WrongState(
                f"{locked} is {locked.get_state_display()}: it can be curated no more, only lose "
                "papers."
            )
        if locked.state == EditionState.OPEN:
            Edition.objects.filter(pk=locked.pk).update(state=EditionState.REVIEW)
        return Curation.objects.create(
            edition=locked, paper=paper, kind=kind, value=number, text=text, by=staff, at=now
        )


def _checked(action: str, value: int | str) -> tuple[CurationKind, int, str]:
    kind = CurationKind(action)
    if kind == CurationKind.NOTE:
        if not isinstance(value, str) or len(value) > NOTE_LENGTH:
            raise ValueError(f"A note is a text of at most {NOTE_LENGTH} characters.")
        return kind, 0, value
    low, high = (-100, 100) if kind == CurationKind.BOOST else (0, 1)
    if isinstance(value, str) or not low <= value <= high:
        raise ValueError(f"To {kind} takes a number from {low} to {high}, not {value!r}.")
    return kind, value, ""
