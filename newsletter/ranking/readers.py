"""Readers as arrays: profiles that are equal become one row, typed phrases and muted words one
row each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.shared_tables import SharedTables
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.text import words
from newsletter.ranking.values import ReaderProfile

Rows = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tables:
    """What readers' rows point into. The last row of `interests`, `muted` and `tastes` is empty:
    the padding.

    `interests` int16 (interests + 1, papers): topics first, in the edition's order, then `phrases`.
    `muted` bool (muted words + 1, papers). `tastes` int16 (tastes + 1, papers), of `taste_bytes`.
    """

    statistics: EditionStatistics
    phrases: tuple[str, ...]
    interests: NDArray[np.int16]
    muted: NDArray[np.bool_]
    tastes: NDArray[np.int16]
    taste_bytes: tuple[bytes, ...]

    @cached_property
    def names(self) -> list[int | str]:
        """What each row of `interests` stands for: a topic's id, or a phrase."""
        return [*(topic.id for topic in self.statistics.topics), *self.phrases]


@dataclass(frozen=True, eq=False)
class ReaderArrays:
    """One row per profile. `interests`, `muted` and `taste` hold rows of `Tables`; -1 stands for
    none, wherever it stands.
    """

    interests: Rows
    muted: Rows
    minimum_votes: Rows
    limit: Rows
    balance: Rows
    taste: Rows

    def __len__(self) -> int:
        return len(self.balance)

    def block(self, start: int, stop: int) -> "ReaderArrays":
        fields = (
            self.interests,
            self.muted,
            self.minimum_votes,
            self.limit,
            self.balance,
            self.taste,
        )
        return ReaderArrays(*(field[start:stop] for field in fields))


def tabulate(
    statistics: EditionStatistics, profiles: Sequence[ReaderProfile]
) -> tuple[Tables, ReaderArrays]:
    """Score each distinct phrase and muted word once, and turn profiles into rows that point to
    them.

    Topics that the edition did not know when it was frozen are passed over.
    """
    phrases = _distinct(profile.phrases for profile in profiles)
    muted = _distinct(profile.muted for profile in profiles)
    tastes = tuple(sorted({profile.taste for profile in profiles if profile.taste}))
    counted = SharedTables.of(statistics).counted
    nothing = np.zeros((1, len(statistics.papers)))
    tables = Tables(
        statistics,
        phrases,
        np.vstack(
            [counted, *(statistics.match(phrase).counted for phrase in phrases), nothing]
        ).astype(np.int16),
        np.vstack([*(statistics.muted(one) for one in muted), nothing]).astype(bool),
        np.vstack([*(statistics.affinity.scores(tastes) if tastes else ()), nothing]).astype(
            np.int16
        ),
        tastes,
    )
    return tables, ReaderArrays(
        np.hstack(
            [
                _topic_rows(statistics, profiles),
                _spelled_rows(phrases, len(statistics.topics), [one.phrases for one in profiles]),
            ]
        ),
        _spelled_rows(muted, 0, [profile.muted for profile in profiles]),
        np.array([profile.minimum_votes for profile in profiles], np.int32),
        np.array([profile.papers_per_digest for profile in profiles], np.int32),
        np.array([profile.balance for profile in profiles], np.int32),
        _taste_rows(tastes, profiles),
    )


def _topic_rows(statistics: EditionStatistics, profiles: Sequence[ReaderProfile]) -> Rows:
    """The row of each topic; -1 for those that the edition did not know."""
    chosen = _padded([profile.topics for profile in profiles])
    known = np.array([*statistics.rows, np.iinfo(np.int64).max], np.int64)
    found = np.searchsorted(known, chosen)
    return np.where(known[found] == chosen, found, -1).astype(np.int32)


def _spelled_rows(known: Sequence[str], first: int, lists: Sequence[Sequence[str]]) -> Rows:
    """The row of each text that a reader typed, when the known ones begin at the row `first`."""
    if not known:
        return np.zeros((len(lists), 0), np.int32)
    rows = {one: first + row for row, one in enumerate(known)}
    return _padded([[rows[one] for one in map(_spelling, typed) if one] for typed in lists]).astype(
        np.int32
    )


def _taste_rows(tastes: Sequence[bytes], profiles: Sequence[ReaderProfile]) -> Rows:
    rows = {taste: row for row, taste in enumerate(tastes)}
    if not rows:
        return np.full(len(profiles), -1, np.int32)
    return np.array([rows.get(profile.taste, -1) for profile in profiles], np.int32)


def _spelling(typed: str) -> str:
    return " ".join(words(typed))


def _distinct(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(
        sorted(
            {spelling for typed in lists if typed for spelling in map(_spelling, typed) if spelling}
        )
    )


def _padded(lists: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    lengths = np.fromiter(map(len, lists), np.intp, len(lists))
    width = int(lengths.max(initial=0))
    padded = np.full((len(lists), width), -1, np.int64)
    padded[np.arange(width) < lengths[:, None]] = np.fromiter(
        chain.from_iterable(lists), np.int64, int(lengths.sum())
    )
    return padded
