"""Readers as arrays: profiles that are equal become one row, typed phrases and muted words one row each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.muting import muted_papers
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.text import words
from newsletter.ranking.values import ReaderProfile

Rows = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tables:
    """What readers' rows point into. The last row of `interests` and `muted` is empty: the padding.

    `interests` int16 (interests + 1, papers): topics first, in the edition's order, then `phrases`.
    `muted` bool (muted words + 1, papers).
    """

    statistics: EditionStatistics
    phrases: tuple[str, ...]
    interests: NDArray[np.int16]
    muted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReaderArrays:
    """One row per distinct profile. `interests` and `muted` hold rows of `Tables`, padded with -1."""

    interests: Rows
    muted: Rows
    minimum_votes: Rows
    limit: Rows
    balance: Rows

    def __len__(self) -> int:
        return len(self.balance)

    def block(self, start: int, stop: int) -> "ReaderArrays":
        fields = (self.interests, self.muted, self.minimum_votes, self.limit, self.balance)
        return ReaderArrays(*(field[start:stop] for field in fields))


def tabulate(statistics: EditionStatistics, profiles: Sequence[ReaderProfile]) -> tuple[Tables, ReaderArrays]:
    """Score each distinct phrase and muted word once, and turn profiles into rows that point to them.

    Topics that the edition did not know when it was frozen are passed over.
    """
    phrases = _distinct(profile.phrases for profile in profiles)
    muted = _distinct(profile.muted for profile in profiles)
    library = statistics.library
    nothing = np.zeros((1, len(statistics.papers)))
    tables = Tables(
        statistics,
        phrases,
        np.vstack([statistics.topic_scores, *map(library.phrase_scores, phrases), nothing]).astype(np.int16),
        np.vstack([*(muted_papers(one, library.indexes) for one in muted), nothing]).astype(bool),
    )
    phrase_rows = {phrase: len(statistics.topics) + row for row, phrase in enumerate(phrases)}
    muted_rows = {one: row for row, one in enumerate(muted)}
    interests = [
        [statistics.rows[topic] for topic in profile.topics if topic in statistics.rows]
        + [phrase_rows[phrase] for phrase in map(_spelling, profile.phrases) if phrase]
        for profile in profiles
    ]
    return tables, ReaderArrays(
        _padded(interests),
        _padded([[muted_rows[one] for one in map(_spelling, profile.muted) if one] for profile in profiles]),
        np.array([profile.minimum_votes for profile in profiles], np.int32),
        np.array([profile.papers_per_digest for profile in profiles], np.int32),
        np.array([profile.balance for profile in profiles], np.int32),
    )


def _spelling(typed: str) -> str:
    return " ".join(words(typed))


def _distinct(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({spelling for typed in lists for spelling in map(_spelling, typed) if spelling}))


def _padded(lists: Sequence[Sequence[int]]) -> Rows:
    width = max(map(len, lists), default=0)
    padded = np.full((len(lists), width), -1, np.int32)
    for row, values in enumerate(lists):
        padded[row, : len(values)] = values
    return padded
