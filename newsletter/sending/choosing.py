"""Choosing the digests of a batch: all its readers are ranked at once, without what they were mailed and what the edition has lost."""

from collections.abc import Mapping, Sequence, Set

from ingest.models import Paper
from ingest.redirects import canonical, merged_into
from newsletter.models import Edition, Strike
from newsletter.ranking.rank import rank
from newsletter.ranking.values import Selection
from newsletter.sending.frozen import papers_of, reader_profiles, statistics_of
from newsletter.sending.history import held_elsewhere, mailed_among
from newsletter.sending.readers import Reader


def choose(edition: Edition, readers: Sequence[Reader], own: Mapping[int, Set[int]]) -> list[Selection]:
    """Return each reader's selection, in the order of `readers`, whose rows the caller has locked.

    Args:
        own: by reader, the papers that this edition's own delivery already holds for them: these may be chosen again.
    """
    papers = papers_of(edition.pk)
    same = _same_work(edition, papers)
    lost = _lost(edition, papers, same)
    ids = [reader.id for reader in readers]
    mailed = mailed_among(ids, same.keys())
    held = held_elsewhere(ids, edition.pk)
    known = mailed.keys() | held.keys()
    excluded = [
        _excluded(mailed.get(pk, set()) | held.get(pk, set()), own.get(pk, frozenset()), same) | lost if pk in known else lost for pk in ids
    ]
    profiles = reader_profiles({reader.profile_id for reader in readers})
    return rank(statistics_of(edition.pk), [profiles[reader.profile_id] for reader in readers], excluded)


def _excluded(had: Set[int], own: Set[int], same: Mapping[int, int]) -> frozenset[int]:
    """Return the edition's papers that a reader has had, in this shape or another."""
    return frozenset({same[paper] for paper in had if paper in same} - own)


def _same_work(edition: Edition, papers: Set[int]) -> dict[int, int]:
    """Return, for every paper id that is one of the edition's works by now, the edition's paper it stands for.

    Papers go on being merged after the freeze, in either direction.
    """
    candidates = Paper.objects.filter(candidacies__edition=edition, merged_into__isnull=False)
    if not (candidates.exists() or Paper.objects.filter(merged_into__candidacies__edition=edition).exists()):
        return {paper: paper for paper in papers}
    ends = canonical(papers)
    ours = {end: paper for paper, end in sorted(ends.items(), reverse=True)}
    behind = {pk: ours[end] for pk, end in merged_into(ours).items()}
    return behind | ours | {paper: ours[end] for paper, end in ends.items()}


def _lost(edition: Edition, papers: Set[int], same: Mapping[int, int]) -> frozenset[int]:
    """Return the papers that may not be mailed any more: struck, withdrawn, or merged into another paper of the edition."""
    struck = Strike.objects.filter(edition=edition).values_list("paper_id", flat=True)
    withdrawn = Paper.objects.filter(candidacies__edition=edition, withdrawn_at__isnull=False).values_list("pk", flat=True)
    return frozenset(struck) | frozenset(withdrawn) | {paper for paper in papers if same[paper] != paper}
