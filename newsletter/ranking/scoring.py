"""One score per reader and paper: the sum of named integer parts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.readers import ReaderArrays, Tables
from newsletter.ranking.values import MAX_BALANCE

TO_TASTE = 250
"""Affinity from which a paper counts as one of the reader's own, not as one from outside."""
EVEN = MAX_BALANCE // 2
"""At this balance topic and trend weigh the same: their parts are as stored, up to 1000 each."""


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of a block of readers: arrays of shape (readers, papers).

    `slot` is the place of the best matching interest in the reader's row; one past the last where
    only learned taste speaks for the paper; -1 where nothing does.
    """

    topic: NDArray[np.int32]
    taste: NDArray[np.int32]
    slot: NDArray[np.int8] | NDArray[np.int16]


class Scorer:
    """The additive score. All arithmetic is on integers, so it does not depend on who else is ranked."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.statistics = tables.statistics

    @cached_property
    def trend_parts(self) -> NDArray[np.int32]:
        """The trend part for each balance: (101, papers)."""
        balances = np.arange(MAX_BALANCE + 1, dtype=np.int32)
        return balances[:, None] * self.statistics.trend.astype(np.int32)[None, :] // EVEN

    @cached_property
    def common(self) -> NDArray[np.int32]:
        """What does not depend on the reader's interests: trend, freshness, editor; (101, papers)."""
        return self.trend_parts + self.statistics.freshness + self.statistics.editor

    def block(self, readers: ReaderArrays) -> Block:
        """The topic part is the best match among a reader's interests; it and the taste part weigh by the balance."""
        shape = (len(readers), len(self.statistics.papers))
        best = np.zeros(shape, np.int16)
        width = readers.interests.shape[1]
        kind = np.int8 if width <= np.iinfo(np.int8).max else np.int16
        slot = np.full(shape, -1, kind)
        for place in range(width):
            score = self.tables.interests[readers.interests[:, place]]
            np.copyto(slot, kind(place), where=score > best)
            np.maximum(best, score, out=best)
        taste = self.tables.tastes[readers.taste]
        np.copyto(slot, kind(width), where=(slot < 0) & (taste >= TO_TASTE))
        weight = (MAX_BALANCE - readers.balance)[:, None]
        return Block(best.astype(np.int32) * weight // EVEN, taste.astype(np.int32) * weight // EVEN, slot)

    def parts(self, block: Block, readers: ReaderArrays, rows: NDArray[np.intp], places: NDArray[np.intp]) -> NDArray[np.int32]:
        """The parts of pairs of reader and paper, (pairs, parts), in the order of `Parts`."""
        frozen = self.statistics
        return np.column_stack(
            [
                block.topic[rows, places],
                block.taste[rows, places],
                self.trend_parts[readers.balance[rows], places],
                frozen.freshness[places],
                frozen.editor[places],
            ]
        ).astype(np.int32)
