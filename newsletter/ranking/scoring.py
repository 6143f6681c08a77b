"""One score per reader and paper: the sum of named integer parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.readers import ReaderArrays, Tables
from newsletter.ranking.shared_tables import EVEN
from newsletter.ranking.values import MAX_BALANCE

TO_TASTE = 250
"""Affinity from which a paper counts as one of the reader's own, not as one from outside."""
_BEST_MATCH = 1000

Small = NDArray[np.int8] | NDArray[np.int16]
Ints = NDArray[np.int16] | NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of a block of readers: arrays of shape (readers, papers).

    `match` and `taste` are before the balance weighs them, `total` is the whole score. `slot` is
    the place of the best matching interest in the reader's row; one past the last where only
    learned taste speaks for the paper; -1 where nothing does.
    """

    match: Ints
    taste: NDArray[np.int16]
    total: NDArray[np.int32]
    slot: Small


class Scorer:
    """The additive score. All arithmetic is on integers, so it does not depend on who else is
    ranked.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.statistics = tables.statistics
        self.shared = tables.statistics.shared

    def block(self, readers: ReaderArrays) -> Block:
        """The topic part is the best match among a reader's interests; it and the taste part
        weigh by the balance.
        """
        match, slot = self._best(readers)
        total = _weighed(match, readers)
        total += self.shared.common.take(readers.balance, axis=0)
        if self.tables.taste_bytes:
            taste = self.tables.tastes[readers.taste]
            total += _weighed(taste, readers)
            np.copyto(
                slot,
                slot.dtype.type(readers.interests.shape[1]),
                where=(slot < 0) & (taste >= TO_TASTE),
            )
        else:
            taste = np.broadcast_to(np.int16(0), match.shape)
        return Block(match, taste, total, slot)

    def _best(self, readers: ReaderArrays) -> tuple[Ints, Small]:
        """The best match, and the place of the interest that has it: the first of several.

        The places count down in the low bits of the matches, so that one maximum finds both.
        """
        width = readers.interests.shape[1]
        bits = width.bit_length()
        kind = np.int16 if (_BEST_MATCH + 1) << bits <= np.iinfo(np.int16).max else np.int32
        table: Ints = np.left_shift(self.tables.interests, bits, dtype=kind)
        best = np.zeros((len(readers), table.shape[1]), kind)
        score = np.empty_like(best)
        for place in range(width):
            table.take(readers.interests[:, place], axis=0, out=score, mode="wrap")
            score += kind(width - place)
            np.maximum(best, score, out=best)
        match = best >> bits
        best &= kind((1 << bits) - 1)
        np.subtract(kind(width + 1), best, out=best)
        best *= match > 0
        best -= kind(1)
        return match, best.astype(np.int8) if width < np.iinfo(np.int8).max else best

    def parts(
        self, block: Block, readers: ReaderArrays, rows: NDArray[np.intp], places: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        """The parts of pairs of reader and paper, (pairs, parts), in the order of `Parts`."""
        frozen = self.statistics
        balance = readers.balance[rows]
        weight = MAX_BALANCE - balance
        return np.column_stack(
            [
                block.match[rows, places] * weight // EVEN,
                block.taste[rows, places] * weight // EVEN,
                self.shared.trend_parts[balance, places],
                frozen.freshness[places],
                frozen.editor[places],
            ]
        ).astype(np.int32)


def _weighed(scores: Ints, readers: ReaderArrays) -> NDArray[np.int32]:
    weighed = scores.astype(np.int32)
    weighed *= (MAX_BALANCE - readers.balance)[:, None]
    weighed //= EVEN
    return weighed
