"""From scores to lists: hard rules first, then pinned papers, then every interest served, nothing
twice, little from outside.
"""

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.positions import ranges
from newsletter.ranking.readers import ReaderArrays
from newsletter.ranking.scoring import Block, Scorer
from newsletter.ranking.shared_tables import SharedTables
from newsletter.ranking.values import MAX_BALANCE

MOST_OUTSIDE = 2
"""Papers of a digest that match none of the reader's interests."""
MOST_OF_ONE = 0.6
"""Share of a digest that one interest may take when the reader has others with papers that day."""
REPEATED = 100
"""What each earlier paper under the same interest takes from a candidate's rank, in thousandths."""

_SERVED = 1 << 16
_OPEN = 1 << 20
"""Added to every rank, so that those of papers that can be had stay above zero, and `&` with 0
or -1 bars or keeps.
"""

Ints = NDArray[np.int32]
Places = NDArray[np.intp]
Small = NDArray[np.int8] | NDArray[np.int16]


def choose(scorer: Scorer, readers: ReaderArrays, block: Block, barred: NDArray[np.bool_]) -> Ints:
    """Places of the chosen papers per reader, in the order chosen, with -1 where there is none.

    `barred`, bool (readers, papers), marks what was mailed before.

    Pinned papers that a reader's hard rules allow come first, in the order of the pins. The rest of
    the list is chosen as if they were no candidates: each step takes the best paper that is left.
    Interests not yet served go first; after that each paper counts less the more of its interest
    are chosen. Near-duplicates of a chosen paper are out, except pinned ones.
    """
    forbidden = _forbidden(scorer, readers, barred)
    if not len(scorer.shared.pins):
        return _choose_best(scorer, readers, block, forbidden, readers.limit)
    pinned = _choose_pins(scorer.shared, readers, forbidden)
    taken = pinned >= 0
    forbidden[:, scorer.shared.pins] = True
    for column, place in enumerate(scorer.shared.pins.tolist()):
        forbidden[np.ix_(taken[:, column], scorer.shared.twins_of(place))] = True
    room = readers.limit - taken.sum(axis=1, dtype=np.int32)
    return np.hstack((pinned, _choose_best(scorer, readers, block, forbidden, room)))


def _choose_pins(shared: SharedTables, readers: ReaderArrays, forbidden: NDArray[np.bool_]) -> Ints:
    """The pinned papers that each reader may get, as many as their limit allows: (readers, pins),
    -1 for those that a reader does not get.
    """
    allowed = ~forbidden[:, shared.pins]
    allowed &= allowed.cumsum(axis=1) <= readers.limit[:, None]
    return np.where(allowed, shared.pins[None, :], -1).astype(np.int32)


def _choose_best(
    scorer: Scorer,
    readers: ReaderArrays,
    block: Block,
    forbidden: NDArray[np.bool_],
    room: Ints,
) -> Ints:
    """The best papers for each reader, at most `room` of them: (readers, most room)."""
    everything = wants_everything(readers)
    slot = block.slot | -everything[:, None].astype(
        np.int8
    )  # -1 has all bits set: those who want everything have no slots
    closed = _closed(scorer, readers, block, forbidden, everything)
    rank = block.total + np.int32(_OPEN)
    rank -= (slot < 0) * np.int32(_SERVED)
    rank &= _kept(closed)
    picking = _Picking(rank, slot, everything, scorer.shared, _most_of_one(readers, slot, closed))
    most = int(room.max(initial=0)) if rank.shape[1] else 0
    places = np.full((len(readers), most), -1, np.int32)
    for step in range(most):
        best, taken = picking.best(step < room)
        if not taken.any():
            break
        np.copyto(places[:, step], best, where=taken, casting="same_kind")
        if step + 1 < most:
            picking.take(best, taken)
    return places


class _Picking:
    """What is left to choose from: `rank` falls as papers, topics and outsiders are taken; above
    zero a paper can be had.

    What follows for readers who get nothing any more does not matter: they are ranked on with the
    others where that is cheaper.
    """

    def __init__(
        self,
        rank: Ints,
        slot: Small,
        everything: NDArray[np.bool_],
        shared: SharedTables,
        most: Ints,
    ) -> None:
        self.rank = rank
        self.slot = slot
        self.shared = shared
        self.everything = everything
        self.most = most
        self.rows = np.arange(len(rank))
        self.counts = np.zeros((len(rank), int(slot.max(initial=-1)) + 2), np.int32)
        self.same = np.empty(slot.shape, bool)
        self.behind = np.empty_like(rank)
        self.steps = np.repeat(
            np.array([[0], [REPEATED], [_SERVED + REPEATED]], np.int32), rank.shape[1], axis=1
        )

    def best(self, wanting: NDArray[np.bool_]) -> tuple[Places, NDArray[np.bool_]]:
        """The best paper left for each reader, and for which of those who want one there is any."""
        best = self.rank.argmax(axis=1)
        return best, wanting & (self.rank[self.rows, best] > 0)

    def take(self, best: Places, taken: NDArray[np.bool_]) -> None:
        """Take these papers, where `taken`, with what follows from it for the papers left.

        What concerns few readers is done for those alone: this runs once per place of a digest.
        """
        used = self.slot[self.rows, best]
        self.counts[self.rows, used] += 1
        count = self.counts[self.rows, used]
        self.rank[self.rows, best] = 0
        self._pass_over(used, count)
        self._bar_twins(best, taken)
        full = np.flatnonzero(taken & (used >= 0) & (count >= self.most))
        self._bar(full, _kept(self.same[full]))
        full = np.flatnonzero(taken & (used < 0) & (count >= MOST_OUTSIDE) & ~self.everything)
        self._bar(full, _kept(self.same[full]))

    def _pass_over(self, used: Small, count: Ints) -> None:
        """Papers of an interest that was just served stand back."""
        np.equal(self.slot, used[:, None], out=self.same)
        np.copyto(self.behind, self.same)
        # Rows of equal numbers: numpy multiplies them several times faster than one number for each
        # row.
        self.behind *= self.steps.take(np.where(used < 0, 0, 1 + (count == 1)), axis=0)
        self.rank -= self.behind

    def _bar_twins(self, best: Places, taken: NDArray[np.bool_]) -> None:
        """Bar the near-duplicates of the papers taken."""
        starts, twins = self.shared.twins
        lengths = np.where(taken, starts[best + 1] - starts[best], 0)
        if lengths.any():
            at, rows = ranges(starts[best], lengths)
            self.rank[rows, twins[at]] = 0

    def _bar(self, rows: Places, kept: Ints) -> None:
        if len(rows):
            self.rank[rows] &= kept


def _kept(closed: NDArray[np.bool_]) -> Ints:
    """-1, all bits set, for what stays and 0 for what is closed."""
    kept = closed.astype(np.int32)
    kept -= 1
    return kept


def wants_everything(readers: ReaderArrays) -> NDArray[np.bool_]:
    """Readers who named no interests, or want only what trends: for them nothing is outside.

    What they liked orders their papers but bars none: one click must not make a digest of ten
    papers one of three.
    """
    no_interest = (readers.interests < 0).all(axis=1)
    return np.asarray(no_interest | (readers.balance == MAX_BALANCE))


def _forbidden(
    scorer: Scorer, readers: ReaderArrays, barred: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """What a reader must not get, by the hard rules: mailed before, too few votes, or muted. They
    are the reader's own and hold for pinned papers too.
    """
    forbidden = barred.copy()
    if readers.minimum_votes.max(initial=0) > 0:
        forbidden |= scorer.shared.votes[None, :] < readers.minimum_votes[:, None]
    for place in range(readers.muted.shape[1]):
        forbidden |= scorer.tables.muted[readers.muted[:, place]]
    return forbidden


def _closed(
    scorer: Scorer,
    readers: ReaderArrays,
    block: Block,
    forbidden: NDArray[np.bool_],
    everything: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """What a reader cannot get: by the hard rules, or because nothing speaks for it."""
    closed = forbidden | (block.total <= 0)
    closed |= (block.slot < 0) & scorer.shared.lost_in_the_crowd[
        np.where(everything, MAX_BALANCE + 1, readers.balance)
    ]
    return closed


def _most_of_one(readers: ReaderArrays, slot: Small, closed: NDArray[np.bool_]) -> Ints:
    """At most this many papers per interest: all, if only one interest has papers."""
    open_ = slot + slot.dtype.type(1)
    open_ *= ~closed
    active = np.zeros(len(readers), np.int32)
    for number in range(1, readers.interests.shape[1] + 2):
        active += (open_ == number).any(axis=1)
    capped = np.maximum(np.ceil(readers.limit * MOST_OF_ONE).astype(np.int32), 2)
    return np.where(active > 1, capped, readers.limit).astype(np.int32)
