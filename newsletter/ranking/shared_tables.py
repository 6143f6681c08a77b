"""Tables that all blocks of readers of an edition share, worked out once."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.values import MAX_BALANCE, CandidatePaper

EVEN = MAX_BALANCE // 2
"""At this balance topic and trend weigh the same: their parts are as stored, up to 1000 each."""


class SharedTables:
    """What follows from the frozen parts of the papers' scores."""

    def __init__(
        self,
        papers: Sequence[CandidatePaper],
        trend: NDArray[np.int16],
        freshness: NDArray[np.int16],
        editor: NDArray[np.int16],
        pins: Sequence[int],
        duplicates: NDArray[np.int32],
    ) -> None:
        """`pins` are the places of the pinned papers in their order. `duplicates` has the pairs of
        near-duplicates, each in both orders, sorted.
        """
        self._papers = papers
        self._trend = trend
        self._freshness = freshness
        self._editor = editor
        self._duplicates = duplicates
        self.pins = np.array(pins, np.intp)

    @cached_property
    def trend_parts(self) -> NDArray[np.int16]:
        """The trend part for each balance: (101, papers)."""
        balances = np.arange(MAX_BALANCE + 1, dtype=np.int32)
        return (balances[:, None] * self._trend.astype(np.int32) // EVEN).astype(np.int16)

    @cached_property
    def common(self) -> NDArray[np.int16]:
        """What does not depend on the reader's interests: trend, freshness, editor; (101,
        papers).
        """
        return self.trend_parts + (self._freshness + self._editor)

    @cached_property
    def lost_in_the_crowd(self) -> NDArray[np.bool_]:
        """Which papers do not stand out for readers from outside, by balance; the last row is for
        those to whom nothing is outside.

        Being new alone is no reason to show a paper outside a reader's interests.
        """
        lost = (self.trend_parts <= 0) & (self._editor <= 0)[None, :]
        return np.concatenate([lost, np.zeros((1, lost.shape[1]), bool)])

    @cached_property
    def votes(self) -> NDArray[np.int32]:
        """Votes of each paper; one whose votes nobody counted is not taken to have too few, so
        it has the most.
        """
        most = np.iinfo(np.int32).max
        return np.array(
            [most if paper.votes is None else paper.votes for paper in self._papers], np.int32
        )

    @cached_property
    def pin_order(self) -> NDArray[np.int64]:
        """Where each paper stands among the pinned ones, from 0; -1 for the others."""
        order = np.full(len(self._trend), -1, np.int64)
        order[self.pins] = np.arange(len(self.pins))
        return order

    @cached_property
    def twins(self) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Where the near-duplicates of each paper begin, with the end of the last ones, and the
        near-duplicates of all papers one after the other.
        """
        of = np.arange(len(self._trend) + 1)
        return np.searchsorted(self._duplicates[:, 0], of), self._duplicates[:, 1]

    def twins_of(self, place: int) -> NDArray[np.int32]:
        """The places of the near-duplicates of a paper."""
        starts, twins = self.twins
        return twins[starts[place] : starts[place + 1]]
