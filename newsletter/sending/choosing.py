"""Choosing the digests of a batch: its readers are ranked in blocks, without what they were mailed
and what the edition has lost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import structlog

from ingest.redirects import canonical, merged_into
from newsletter.clock import Clock
from newsletter.faults import CONCERNS_ALL, bisect, describe
from newsletter.models import DeliveryStatus
from newsletter.models.delivery import NOT_CHOSEN
from newsletter.ranking.rank import rank
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import Selection
from newsletter.sending.frozen import frozen_papers, pace_of, reader_profiles, statistics_of
from newsletter.sending.history import held_elsewhere, mailed_among
from newsletter.sending.losses import Losses, losses_of
from newsletter.sending.phrases import stored_matches
from newsletter.sending.readers import NotNow, Reader

log = structlog.get_logger(__name__)

ALL_FAILED = 20
"""So many readers for whom nothing can be chosen, and none for whom something can, show a fault of
the edition or of ours: no reader is to blame.
"""
LOGGED_READERS = 20


class NotChosen(Exception):
    """No digest can be chosen for a reader. The message says why, for staff."""


@contextmanager
def one_readers_choice() -> Iterator[None]:
    """Turn whatever choosing one reader's digest raises into `NotChosen`, but for what is no
    reader's fault.
    """
    try:
        yield
    except CONCERNS_ALL:
        raise
    except Exception as error:
        raise NotChosen(f"{NOT_CHOSEN}: {describe(error)}") from error


class Choice(NamedTuple):
    """What was chosen for one reader, or why they get nothing; and what that rests on.

    `excluded` are the papers that they could not get. It is None when choosing raised an exception.
    """

    profile_id: int
    excluded: frozenset[int] | None
    outcome: Selection | NotNow


def choose(
    edition_id: int, readers: Sequence[Reader], clock: Clock, go_on: Callable[[], bool]
) -> dict[int, Choice]:
    """Return each reader's choice by reader id. Call it outside a transaction and without locks:
    `still_holding` tells afterwards which choices may be used.

    The readers are ranked in blocks that take a few seconds each. `go_on` is asked between two
    blocks; when it says no, the readers who are left are not in the result.

    What this edition's own delivery holds for a reader may be chosen again, unless another edition
    has mailed it meanwhile. A reader whose profile or history raises an exception fails alone.

    Raises:
        Exception: the edition cannot be ranked, the database is in trouble, or `ALL_FAILED` readers
            or more were ranked and each of them raised.
    """
    edition, statistics, pace = (
        _Frozen.of(edition_id),
        statistics_of(edition_id),
        pace_of(edition_id),
    )
    found: list[Choice | Exception] = []
    while len(found) < len(readers) and (not found or go_on()):
        block = readers[len(found) : len(found) + pace.readers]
        began = clock()
        found += bisect(partial(edition.choose, statistics), block)
        pace.note(len(block), clock() - began)
    ranked = readers[: len(found)]
    faults = [one for one in found if isinstance(one, Exception)]
    if faults:
        if len(faults) == len(ranked) >= ALL_FAILED:
            raise faults[0]
        _log(edition_id, ranked, found, faults[0])
    return {
        reader.id: _failed(reader, one) if isinstance(one, Exception) else one
        for reader, one in zip(ranked, found, strict=True)
    }


def still_holding(
    edition_id: int, readers: Sequence[Reader], choices: Mapping[int, Choice]
) -> dict[int, Choice]:
    """Return the choices of those readers whose profile and excluded papers are still the same.
    The caller has locked the readers' rows.
    """
    same_profile = [
        reader
        for reader in readers
        if reader.id in choices and choices[reader.id].profile_id == reader.profile_id
    ]
    # One history that cannot be read any more must not fail the whole batch: its reader is ranked
    # again, and fails alone there.
    excluded = bisect(_Frozen.of(edition_id).excluded, same_profile)
    return {
        reader.id: choices[reader.id]
        for reader, papers in zip(same_profile, excluded, strict=True)
        if choices[reader.id].excluded in (None, papers)
    }


@dataclass(frozen=True, slots=True)
class _Frozen:
    """What choosing asks of an edition, read once for all readers of a batch.

    `same` names the edition's paper for each paper id that is one of its works by now; `lost` are
    the papers that nobody may get any more.
    """

    id: int
    same: Mapping[int, int]
    lost: frozenset[int]

    @classmethod
    def of(cls, edition_id: int) -> "_Frozen":
        papers, losses = frozen_papers(edition_id), losses_of(edition_id)
        same = _same_work(papers, losses)
        lost = losses.gone | {paper for paper in papers if same[paper] != paper}
        return cls(edition_id, same, lost)

    def choose(self, statistics: EditionStatistics, readers: Sequence[Reader]) -> list[Choice]:
        excluded = self.excluded(readers)
        profiles = reader_profiles({reader.profile_id for reader in readers})
        selections = rank(
            statistics,
            [profiles[reader.profile_id] for reader in readers],
            excluded,
            stored_matches(self.id, profiles.values()),
        )
        return [
            Choice(reader.profile_id, papers, selection if selection.picks else _empty(selection))
            for reader, papers, selection in zip(readers, excluded, selections, strict=True)
        ]

    def excluded(self, readers: Sequence[Reader]) -> list[frozenset[int]]:
        """Return, for each reader, the edition's papers that they may not get by now."""
        ids = [reader.id for reader in readers]
        mailed = mailed_among(ids, self.same.keys())
        held = held_elsewhere(ids, self.id)
        known = mailed.keys() | held.keys()
        return [
            _excluded(mailed.get(pk, set()) | held.get(pk, set()), self.same) | self.lost
            if pk in known
            else self.lost
            for pk in ids
        ]


def _failed(reader: Reader, error: Exception) -> Choice:
    reason = f"{NOT_CHOSEN}: {describe(error)}"[:300]
    return Choice(reader.profile_id, None, NotNow(DeliveryStatus.FAILED, reason))


def _empty(selection: Selection) -> NotNow:
    """Nothing worth saying, nothing sent; the row says why."""
    return NotNow(reason=f"empty: {selection.note}"[:300] if selection.note else "empty")


def _log(
    edition_id: int,
    readers: Sequence[Reader],
    found: Sequence[Choice | Exception],
    first: Exception,
) -> None:
    """Log whose digests could not be chosen, with the traceback of the first one."""
    failed = [
        reader.id for reader, one in zip(readers, found, strict=True) if isinstance(one, Exception)
    ]
    log.error(
        "digests_not_chosen",
        edition=edition_id,
        count=len(failed),
        readers=failed[:LOGGED_READERS],
        exc_info=first,
    )


def _excluded(had: Set[int], same: Mapping[int, int]) -> frozenset[int]:
    """Return the edition's papers that a reader has had, in this shape or another."""
    return frozenset(same[paper] for paper in had if paper in same)


def _same_work(papers: Set[int], losses: Losses) -> dict[int, int]:
    """Return, for every paper id that is one of the edition's works by now, the edition's paper it
    stands for.

    Papers go on being merged after the freeze, in either direction.
    """
    if not losses.merged:
        return {paper: paper for paper in papers}
    ends = canonical(papers)
    ours = {end: paper for paper, end in sorted(ends.items(), reverse=True)}
    behind = {pk: ours[end] for pk, end in merged_into(ours).items()}
    return behind | ours | {paper: ours[end] for paper, end in ends.items()}
