"""Tables that all blocks of readers of an edition share, worked out once."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.topics import Match
from newsletter.ranking.values import MAX_BALANCE

EVEN = MAX_BALANCE // 2
"""At this balance topic and trend weigh the same: their parts are as stored, up to 1000 each."""


class SharedTables:
    """What follows from frozen statistics alone; get it by `of`, which keeps it with them."""

    def __init__(self, statistics: EditionStatistics) -> None:
        self._statistics = statistics

    @classmethod
    def of(cls, statistics: EditionStatistics) -> "SharedTables":
        return statistics.memory.get("shared tables", lambda: cls(statistics))

    @cached_property
    def counted(self) -> NDArray[np.int16]:
        """The scores of papers on each topic, 0 for the others: (topics, papers)."""
        return Match(self._statistics.topic_scores, self._statistics.on_topic).counted

    @cached_property
    def trend_parts(self) -> NDArray[np.int32]:
        """The trend part for each balance: (101, papers)."""
        balances = np.arange(MAX_BALANCE + 1, dtype=np.int32)
        return balances[:, None] * self._statistics.trend.astype(np.int32)[None, :] // EVEN

    @cached_property
    def common(self) -> NDArray[np.int32]:
        """What does not depend on the reader's interests: trend, freshness, editor; (101,
        papers).
        """
        return self.trend_parts + self._statistics.freshness + self._statistics.editor

    @cached_property
    def lost_in_the_crowd(self) -> NDArray[np.bool_]:
        """Which papers do not stand out for readers from outside, by balance; the last row is for
        those to whom nothing is outside.

        Being new alone is no reason to show a paper outside a reader's interests.
        """
        lost = (self.trend_parts <= 0) & (self._statistics.editor <= 0)[None, :]
        return np.concatenate([lost, np.zeros((1, lost.shape[1]), bool)])

    @cached_property
    def votes(self) -> NDArray[np.int32]:
        """Votes of each paper; one whose votes nobody counted is not taken to have too few, so
        it has the most.
        """
        most = np.iinfo(np.int32).max
        return np.array(
            [most if paper.votes is None else paper.votes for paper in self._statistics.papers],
            np.int32,
        )

    @cached_property
    def pins(self) -> NDArray[np.intp]:
        """The places of the pinned papers, in the order of the pins."""
        return np.array(self._statistics.pins, np.intp)

    @cached_property
    def pin_order(self) -> NDArray[np.int64]:
        """Where each paper stands among the pinned ones, from 0; -1 for the others."""
        order = np.full(len(self._statistics.papers), -1, np.int64)
        order[self.pins] = np.arange(len(self.pins))
        return order

    @cached_property
    def doubled(self) -> NDArray[np.bool_]:
        """Which papers have near-duplicates."""
        return np.asarray(self._statistics.duplicates.sum(axis=1) > 1)

    @cached_property
    def unlike(self) -> NDArray[np.int32]:
        """-1, all bits set, for papers unlike each one, 0 for itself and its near-duplicates;
        the last row has -1 alone.
        """
        return np.vstack(
            [
                self._statistics.duplicates - np.int32(1),
                np.full((1, len(self.doubled)), -1, np.int32),
            ]
        )
