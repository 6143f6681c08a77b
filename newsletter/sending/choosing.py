"""Choosing the digests of a batch: all its readers are ranked at once, without what they were
mailed and what the edition has lost.
"""

from collections.abc import Mapping, Sequence, Set

from ingest.redirects import canonical, merged_into
from newsletter.ranking.rank import rank
from newsletter.ranking.values import Selection
from newsletter.sending.frozen import frozen_papers, reader_profiles, statistics_of
from newsletter.sending.history import held_elsewhere, mailed_among
from newsletter.sending.losses import Losses, losses_of
from newsletter.sending.readers import Reader


def choose(edition_id: int, readers: Sequence[Reader]) -> list[Selection]:
    """Return each reader's selection, in the order of `readers`, whose rows the caller has locked.

    What this edition's own delivery holds for a reader may be chosen again, unless another edition
    has mailed it meanwhile.
    """
    losses = losses_of(edition_id)
    same = _same_work(frozen_papers(edition_id), losses)
    lost = losses.gone | {paper for paper in frozen_papers(edition_id) if same[paper] != paper}
    ids = [reader.id for reader in readers]
    mailed = mailed_among(ids, same.keys())
    held = held_elsewhere(ids, edition_id)
    known = mailed.keys() | held.keys()
    excluded = [
        _excluded(mailed.get(pk, set()) | held.get(pk, set()), same) | lost if pk in known else lost
        for pk in ids
    ]
    profiles = reader_profiles({reader.profile_id for reader in readers})
    return rank(
        statistics_of(edition_id), [profiles[reader.profile_id] for reader in readers], excluded
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
