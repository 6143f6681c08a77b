"""From scores to lists: hard rules first, then every interest served, nothing twice, little from outside."""

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.readers import ReaderArrays
from newsletter.ranking.scoring import Block, Scorer
from newsletter.ranking.statistics import PINNED
from newsletter.ranking.values import MAX_BALANCE

MOST_OUTSIDE = 2
"""Papers of a digest that match none of the reader's interests."""
MOST_OF_ONE = 0.6
"""Share of a digest that one interest may take when the reader has others with papers that day."""
REPEATED = 100
"""What each earlier paper under the same interest takes from a candidate's rank, in thousandths."""

_SERVED = 1 << 16
_PINNED_FIRST = 1 << 24
_NEVER = -(1 << 30)


def choose(scorer: Scorer, readers: ReaderArrays, block: Block, barred: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Places of the chosen papers per reader, in the order chosen, padded with -1.

    `barred`, bool (readers, papers), marks what was mailed before.

    Each step takes the best paper that is left. Interests not yet served go first; after that each
    paper counts less the more of its interest are chosen. Near-duplicates of a chosen paper are out.
    """
    everything = wants_everything(readers)[:, None]
    total = block.topic + block.taste + scorer.common[readers.balance]
    outside = (block.slot < 0) & ~everything
    open_ = _allowed(scorer, readers, barred) & (total > 0) & (~outside | _stands_out(scorer, readers))
    slot = block.slot | -everything.astype(np.int8)  # -1 has all bits set: those who want everything have no slots
    rank = np.where(open_, total - (slot < 0) * np.int32(_SERVED), np.int32(_NEVER))
    pinned = np.flatnonzero(scorer.statistics.editor >= PINNED // 2)
    rank[:, pinned] += open_[:, pinned] * np.int32(_PINNED_FIRST)
    picking = _Picking(rank, slot, outside, scorer.statistics.duplicates, _most_of_one(readers, slot, open_))
    most = int(readers.limit.max(initial=0)) if rank.shape[1] else 0
    places = np.full((len(readers), most), -1, np.int32)
    for step in range(most):
        best, taken = picking.best(step < readers.limit)
        if not taken.any():
            break
        places[taken, step] = best[taken]
        picking.take(best, taken)
    return places


class _Picking:
    """What is left to choose from: `rank` falls as papers, topics and outsiders are taken."""

    def __init__(
        self,
        rank: NDArray[np.int32],
        slot: NDArray[np.int8],
        outside: NDArray[np.bool_],
        duplicates: NDArray[np.bool_],
        most: NDArray[np.int32],
    ) -> None:
        self.rank = rank
        self.slot = slot
        self.outside = outside
        self.duplicates = duplicates
        self.doubled = duplicates.sum(axis=1) > 1
        self.most = most
        self.rows = np.arange(len(rank))
        self.counts = np.zeros((len(rank), int(slot.max(initial=-1)) + 2), np.int32)
        self.outsiders = np.zeros(len(rank), np.int32)

    def best(self, wanting: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The best paper left for each reader, and for which of those who want one there is any."""
        best = self.rank.argmax(axis=1)
        return best, wanting & (self.rank[self.rows, best] > _NEVER // 2)

    def take(self, best: NDArray[np.intp], taken: NDArray[np.bool_]) -> None:
        """Take these papers, where `taken`, with what follows from it for the papers left.

        What concerns few readers is done for those alone: this runs once per place of a digest.
        """
        rows = self.rows[taken]
        papers = best[taken]
        self.rank[rows, papers] = _NEVER
        twice = self.doubled[papers]
        self._bar(rows[twice], self.duplicates[papers[twice]])
        used = self.slot[rows, papers]
        self.counts[rows, used] += 1
        self._pass_over(taken, best)
        self._bar_full(rows[used >= 0], used[used >= 0])
        strange = rows[self.outside[rows, papers]]
        self.outsiders[strange] += 1
        full = strange[self.outsiders[strange] >= MOST_OUTSIDE]
        self._bar(full, self.outside[full])

    def _pass_over(self, taken: NDArray[np.bool_], best: NDArray[np.intp]) -> None:
        """Papers of an interest that was just served stand back."""
        used = self.slot[self.rows, best]
        behind = np.where(self.counts[self.rows, used] == 1, _SERVED + REPEATED, REPEATED)
        behind[~taken | (used < 0)] = 0
        self.rank -= (self.slot == used[:, None]) * behind.astype(np.int32)[:, None]

    def _bar_full(self, rows: NDArray[np.intp], used: NDArray[np.int8]) -> None:
        full = self.counts[rows, used] >= self.most[rows]
        self._bar(rows[full], self.slot[rows[full]] == used[full, None])

    def _bar(self, rows: NDArray[np.intp], papers: NDArray[np.bool_]) -> None:
        if len(rows):
            self.rank[rows] = np.where(papers, _NEVER, self.rank[rows])


def wants_everything(readers: ReaderArrays) -> NDArray[np.bool_]:
    """Readers who named no interests, or want only what trends: for them nothing is outside.

    What they liked orders their papers but bars none: one click must not make a digest of ten papers one of three.
    """
    no_interest = (readers.interests < 0).all(axis=1)
    return np.asarray(no_interest | (readers.balance == MAX_BALANCE))


def _allowed(scorer: Scorer, readers: ReaderArrays, barred: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The hard rules. A paper whose votes nobody counted is not taken to have too few."""
    votes = np.array([-1 if paper.votes is None else paper.votes for paper in scorer.statistics.papers], np.int64)
    allowed = ~barred & ((votes < 0)[None, :] | (votes[None, :] >= readers.minimum_votes[:, None]))
    for place in range(readers.muted.shape[1]):
        allowed &= ~scorer.tables.muted[readers.muted[:, place]]
    return allowed


def _stands_out(scorer: Scorer, readers: ReaderArrays) -> NDArray[np.bool_]:
    """Being new alone is no reason to show a paper outside a reader's interests."""
    return np.asarray((scorer.trend_parts[readers.balance] > 0) | (scorer.statistics.editor > 0)[None, :])


def _most_of_one(readers: ReaderArrays, slot: NDArray[np.int8], open_: NDArray[np.bool_]) -> NDArray[np.int32]:
    """At most this many papers per interest: all, if only one interest has papers."""
    active = np.zeros(len(readers), np.int32)
    for place in range(readers.interests.shape[1] + 1):
        active += ((slot == place) & open_).any(axis=1)
    capped = np.maximum(np.ceil(readers.limit * MOST_OF_ONE).astype(np.int32), 2)
    return np.where(active > 1, capped, readers.limit).astype(np.int32)
