"""Readers as arrays: profiles that are equal become one row, typed phrases and muted words one
row each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.matches import Match
from newsletter.ranking.statistics import NOTHING_KNOWN, EditionStatistics
from newsletter.ranking.text import normal_phrase
from newsletter.ranking.values import ReaderProfile

Rows = NDArray[np.int32]
Kind = TypeVar("Kind", bound=np.generic)


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
    statistics: EditionStatistics,
    profiles: Sequence[ReaderProfile],
    matches: Mapping[str, Match] = NOTHING_KNOWN,
    *,
    muting: bool = True,
) -> tuple[Tables, ReaderArrays]:
    """Turn profiles into rows that point into tables of each distinct phrase, muted word and taste.

    `matches` has what is known of phrases, by `text.normal_phrase`; the others are matched
    together. Topics that the edition did not know when it was frozen are passed over. Without
    `muting` nothing is muted: for papers that are to be explained in any case.
    """
    phrases = tuple(sorted(phrases_of(profiles)))
    muted = _distinct(profile.muted for profile in profiles if muting)
    tastes = tuple(sorted({profile.taste for profile in profiles if profile.taste}))
    tables = Tables(
        statistics,
        phrases,
        _interests(statistics, phrases, matches),
        _with_padding(statistics.muted(muted)),
        _with_padding(statistics.library.affinity.scores(tastes))
        if tastes
        else np.zeros((1, len(statistics.papers)), np.int16),
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


def phrases_of(profiles: Iterable[ReaderProfile]) -> set[str]:
    """The phrases of which the match is looked up when these profiles are ranked, in the form of
    `text.normal_phrase`.
    """
    return set(_distinct(profile.phrases for profile in profiles))


def _interests(
    statistics: EditionStatistics, phrases: Sequence[str], matches: Mapping[str, Match]
) -> NDArray[np.int16]:
    topics = len(statistics.topics)
    table = np.zeros((topics + len(phrases) + 1, len(statistics.papers)), np.int16)
    table[:topics] = statistics.topic_scores
    found = statistics.match_phrases(phrases, matches)
    for row, phrase in enumerate(phrases, topics):
        table[row, found[phrase].places] = found[phrase].scores
    return table


def _with_padding(table: NDArray[Kind]) -> NDArray[Kind]:
    return np.vstack([table, np.zeros_like(table, shape=(1, table.shape[1]))])


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
    return _padded(
        [[rows[one] for one in map(normal_phrase, typed) if one] for typed in lists]
    ).astype(np.int32)


def _taste_rows(tastes: Sequence[bytes], profiles: Sequence[ReaderProfile]) -> Rows:
    rows = {taste: row for row, taste in enumerate(tastes)}
    if not rows:
        return np.full(len(profiles), -1, np.int32)
    return np.array([rows.get(profile.taste, -1) for profile in profiles], np.int32)


def _distinct(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({normal_phrase(one) for typed in lists for one in typed} - {""}))


def _padded(lists: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    lengths = np.fromiter(map(len, lists), np.intp, len(lists))
    width = int(lengths.max(initial=0))
    padded = np.full((len(lists), width), -1, np.int64)
    padded[np.arange(width) < lengths[:, None]] = np.fromiter(
        chain.from_iterable(lists), np.int64, int(lengths.sum())
    )
    return padded
