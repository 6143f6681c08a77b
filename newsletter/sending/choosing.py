"""Choosing the digests of a batch: all its readers are ranked at once, without what they were
mailed and what the edition has lost.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from ingest.redirects import canonical, merged_into
from newsletter.faults import CONCERNS_ALL, bisect, describe
from newsletter.models import DeliveryStatus
from newsletter.models.delivery import NOT_CHOSEN
from newsletter.ranking.rank import rank
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import Selection
from newsletter.sending.frozen import frozen_papers, reader_profiles, statistics_of
from newsletter.sending.history import held_elsewhere, mailed_among
from newsletter.sending.losses import Losses, losses_of
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


def choose(edition_id: int, readers: Sequence[Reader]) -> list[Selection | NotNow]:
    """Return each reader's papers, or why they get none, in the order of `readers`, whose rows the
    caller has locked.

    What this edition's own delivery holds for a reader may be chosen again, unless another edition
    has mailed it meanwhile. A reader whose profile or history raises an exception fails alone.

    Raises:
        Exception: the edition cannot be ranked, the database is in trouble, or `ALL_FAILED` readers
            or more are asked for and each of them raises.
    """
    edition = _Frozen.of(edition_id)
    found = bisect(edition.select, readers)
    faults = [one for one in found if isinstance(one, Exception)]
    if faults:
        if len(faults) == len(readers) >= ALL_FAILED:
            raise faults[0]
        _log(edition_id, readers, found, faults[0])
    return [_outcome(one) for one in found]


@dataclass(frozen=True, slots=True)
class _Frozen:
    """What choosing asks of an edition, read once for all readers of a batch.

    `same` names the edition's paper for each paper id that is one of its works by now; `lost` are
    the papers that nobody may get any more.
    """

    id: int
    statistics: EditionStatistics
    same: Mapping[int, int]
    lost: frozenset[int]

    @classmethod
    def of(cls, edition_id: int) -> "_Frozen":
        papers, losses = frozen_papers(edition_id), losses_of(edition_id)
        same = _same_work(papers, losses)
        lost = losses.gone | {paper for paper in papers if same[paper] != paper}
        return cls(edition_id, statistics_of(edition_id), same, lost)

    def select(self, readers: Sequence[Reader]) -> list[Selection]:
        ids = [reader.id for reader in readers]
        mailed = mailed_among(ids, self.same.keys())
        held = held_elsewhere(ids, self.id)
        known = mailed.keys() | held.keys()
        excluded = [
            _excluded(mailed.get(pk, set()) | held.get(pk, set()), self.same) | self.lost
            if pk in known
            else self.lost
            for pk in ids
        ]
        profiles = reader_profiles({reader.profile_id for reader in readers})
        return rank(self.statistics, [profiles[reader.profile_id] for reader in readers], excluded)


def _outcome(found: Selection | Exception) -> Selection | NotNow:
    if isinstance(found, Exception):
        return NotNow(DeliveryStatus.FAILED, f"{NOT_CHOSEN}: {describe(found)}"[:300])
    return found if found.picks else _empty(found)


def _empty(selection: Selection) -> NotNow:
    """Nothing worth saying, nothing sent; the row says why."""
    return NotNow(reason=f"empty: {selection.note}"[:300] if selection.note else "empty")


def _log(
    edition_id: int,
    readers: Sequence[Reader],
    found: Sequence[Selection | Exception],
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
