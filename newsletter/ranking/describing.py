"""Chosen papers as picks: parts, reasons and sections, for a whole block of readers at once."""

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.choosing import wants_everything
from newsletter.ranking.readers import ReaderArrays
from newsletter.ranking.reasons import ORDER, Narrator
from newsletter.ranking.scoring import Block, Scorer
from newsletter.ranking.values import MAX_BALANCE, Explanation, Parts, Pick

Ints = NDArray[np.intp]
_LEAD, _PINNED, _TOPICS, _ALSO = range(4)
_SECTIONS = ("lead", "pinned", "topics", "also")
_TASTE = Parts._fields.index("taste")
PICK_BYTES = 600
"""What a pick takes in memory beside its reasons."""
_TOTALS = 1 << 20
"""More than there are different totals of parts."""
FAINT = 100
"""A taste part below this is a few common words that happen to be shared: it is said only where
nothing else speaks.
"""


class Describer:
    """What there is to say about papers chosen for a block of readers."""

    def __init__(self, scorer: Scorer, readers: ReaderArrays, block: Block) -> None:
        self.scorer = scorer
        self.readers = readers
        self.block = block
        self.narrator = Narrator(scorer.statistics)
        self.everything = wants_everything(readers)

    def outside(self, rows: Ints, places: Ints) -> NDArray[np.bool_]:
        """Whether nothing of the reader's own interests speaks for the papers."""
        return np.asarray((self.block.slot[rows, places] < 0) & ~self.everything[rows])

    def picks(self, chosen: NDArray[np.int32]) -> list[tuple[Pick, ...]]:
        """Picks of each reader. The first pinned paper leads, or the best one; then the other
        pinned papers in their order, then the main list and what is outside, each by score.
        """
        rows, columns = np.nonzero(chosen >= 0)
        places = chosen[rows, columns].astype(np.intp)
        # One sortable number for the best score first, then the earlier place: a sort by several
        # keys takes ten times as long.
        papers = len(self.scorer.statistics.papers)
        span = _TOTALS * papers
        by_score = span // 2 - self.block.total[rows, places].astype(np.int64) * papers + places
        sections = np.where(self.outside(rows, places), _ALSO, _TOPICS)
        if len(self.scorer.shared.pins):
            pin = self.scorer.shared.pin_order[places]
            np.copyto(by_score, pin, where=pin >= 0)  # less than any other by_score
            sections[pin >= 0] = _PINNED
        ends = np.cumsum(np.bincount(rows, minlength=len(chosen)))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        sections[
            by_score
            == np.repeat(np.minimum.reduceat(by_score, starts), np.diff(starts, append=len(rows)))
        ] = _LEAD
        order = np.argsort((rows * len(_SECTIONS) + sections) * span + by_score)
        flat = self._picked(rows[order], places[order], sections[order])
        return [tuple(flat[start:end]) for start, end in itertools.pairwise([0, *ends.tolist()])]

    def _picked(self, rows: Ints, places: Ints, sections: Ints) -> list[Pick]:
        """One pick for each pair of reader and paper. What many readers get in the same words is
        put together once.
        """
        memory = self.scorer.statistics.memory
        keys = self._keys(rows, places, sections)
        picks = cast("list[Pick]", memory.known(keys))
        missing = [at for at, pick in enumerate(picks) if pick is None]
        if missing:
            once = {keys[at]: at for at in missing}
            new = np.array([*once.values()], np.intp)
            new = new[np.argsort(places[new], kind="stable")]  # so that a text is read once
            made = dict(
                zip(
                    (keys[at] for at in new.tolist()),
                    self._made(rows, places, sections, new),
                    strict=True,
                )
            )
            for at in missing:
                picks[at] = made[keys[at]]
            for key, pick in made.items():
                if key >= 0:
                    memory.keep(key, pick, PICK_BYTES)
        return picks

    def _made(self, rows: Ints, places: Ints, sections: Ints, new: Ints) -> list[Pick]:
        parts = self.scorer.parts(self.block, self.readers, rows[new], places[new])
        told = self.describe(rows[new], places[new], parts)
        return [
            Pick(one.paper_id, one.parts, one.reasons, _SECTIONS[section], one.topic_id)
            for one, section in zip(told, sections[new].tolist(), strict=True)
        ]

    def _keys(self, rows: Ints, places: Ints, sections: Ints) -> list[int]:
        """A number for all that makes a pick what it is; one below zero where a reader's own
        phrase or taste has a say in it.
        """
        balance = self.readers.balance[rows]
        interests = self._interest_rows(rows, places)
        topics = len(self.scorer.statistics.topics)
        keys = ((places * (MAX_BALANCE + 1) + balance) * (topics + 1) + interests + 1) * len(
            _SECTIONS
        ) + sections
        own = interests >= topics
        if self.scorer.tables.taste_bytes:
            own |= self.block.taste[rows, places] != 0
        keys[own] = -1 - np.flatnonzero(own)
        return cast("list[int]", keys.tolist())

    def describe(self, rows: Ints, places: Ints, parts: NDArray[np.int32]) -> list[Explanation]:
        """Parts, reasons and topic of each pair of reader and paper."""
        papers = self.scorer.statistics.papers
        interests = self._interests(rows, places)
        told = _told(parts)
        tastes = np.where(told[:, _TASTE] > 0, self.readers.taste[rows], -1).tolist()
        ranked = np.argsort(-told[:, ORDER], axis=1, kind="stable")
        spoken = (told > 0).sum(axis=1)
        entries = zip(
            places.tolist(),
            parts.tolist(),
            interests,
            tastes,
            ranked.tolist(),
            spoken.tolist(),
            strict=True,
        )
        return [
            Explanation(
                papers[place].id,
                Parts._make(numbers),
                self.narrator.reasons(place, tuple(order[:said]), interest, self._taste(taste)),
                interest if isinstance(interest, int) else None,
            )
            for place, numbers, interest, taste, order, said in entries
        ]

    def _interests(self, rows: Ints, places: Ints) -> list[int | str | None]:
        """The topic id or typed phrase that speaks most for each paper."""
        names: Sequence[int | str] = self.scorer.tables.names
        return [
            names[interest] if interest >= 0 else None
            for interest in self._interest_rows(rows, places).tolist()
        ]

    def _interest_rows(self, rows: Ints, places: Ints) -> Ints:
        """The row of `Tables.interests` that speaks most for each paper, -1 for none."""
        slot = self.block.slot[rows, places]
        own = (slot >= 0) & (slot < self.readers.interests.shape[1])
        found = np.full(len(rows), -1, np.intp)
        found[own] = self.readers.interests[rows[own], slot[own]]
        return found

    def _taste(self, row: int) -> bytes:
        return self.scorer.tables.taste_bytes[row] if row >= 0 else b""


def _told(parts: NDArray[np.int32]) -> NDArray[np.int32]:
    """What of the parts is said: those above zero, and a faint taste only where it stands alone."""
    told = np.maximum(parts, 0)
    told[:, _TASTE] *= (told[:, _TASTE] >= FAINT) | (told[:, _TASTE] == told.sum(axis=1))
    return told
