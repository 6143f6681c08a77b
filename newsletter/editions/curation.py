"""Staff decisions on the papers of an edition: append-only, the latest of each kind wins."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from ingest.models import Paper
from ingest.redirects import canonical
from newsletter.editions.states import WrongState, lock
from newsletter.models import BEFORE_FROZEN, Curation, CurationKind, Edition, EditionState

NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Decisions:
    """What staff have decided about one paper so far. `boost` runs from −100 to 100. `pin_place` is
    the paper's place among the pinned ones, from 1, and 0 where it is not pinned.
    """

    pin_place: int = 0
    hidden: bool = False
    boost: int = 0
    note: str = ""

    @property
    def pinned(self) -> bool:
        return self.pin_place > 0


def decisions_on(edition: Edition) -> dict[int, Decisions]:
    """Return the decisions in force by paper id. What was decided on a paper that has been merged
    since holds for the paper it was merged into.

    Pins are in the order in which they were set: a paper that is unpinned and pinned again is last.
    """
    curations = list(edition.curations.order_by("at", "pk"))
    papers = canonical(curation.paper_id for curation in curations)
    latest: dict[int, dict[str, Curation]] = {}
    pins: dict[int, None] = {}  # in the order of their insertion
    for curation in curations:
        paper_id = papers[curation.paper_id]
        latest.setdefault(paper_id, {})[curation.kind] = curation
        if curation.kind == CurationKind.PIN and curation.value:
            pins.setdefault(paper_id)
        elif curation.kind == CurationKind.PIN:
            pins.pop(paper_id, None)
    places = {paper_id: place for place, paper_id in enumerate(pins, start=1)}
    return {
        paper_id: _decisions(kinds, places.get(paper_id, 0)) for paper_id, kinds in latest.items()
    }


def _decisions(kinds: dict[str, Curation], pin_place: int) -> Decisions:
    def value(kind: CurationKind) -> int:
        return kinds[kind].value if kind in kinds else 0

    return Decisions(
        pin_place=pin_place,
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
