"""Finding the paper an entry is about: by arXiv id, then DOI, then title; never by a guess."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q

from ingest import identity
from ingest.models import FormerTitle, Merge, Paper
from ingest.sighting import Sighting


class Shelf:
    """The papers that a few hundred sightings may be about, locked for the transaction, and those
    that they add.

    Papers that were merged stand for the one they were merged into.
    """

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        self._by_arxiv: dict[str, Paper] = {}
        self._by_doi: dict[str, Paper] = {}
        self._by_title: defaultdict[str, list[Paper]] = defaultdict(list)
        keys = {identity.title_key(sighting.title) for sighting in sightings}
        former = list(
            FormerTitle.objects.filter(title_key__in=keys).values_list("paper_id", "title_key")
        )
        ids = {number for number, _ in former}
        ids.update(Paper.objects.filter(title_key__in=keys).values_list("pk", flat=True))
        ids.update(
            Paper.objects.filter(
                arxiv_id__in={s.arxiv_id for s in sightings if s.arxiv_id}
            ).values_list("pk", flat=True)
        )
        ids.update(
            Paper.objects.filter(doi__in={s.doi for s in sightings if s.doi}).values_list(
                "pk", flat=True
            )
        )
        self._papers = _locked(ids)
        for paper in list(self._papers.values()):
            self.put(paper, standing_for=self._survivor(paper))
        for number, key in former:
            if number in self._papers:
                self._put_title(key, self._survivor(self._papers[number]))
        self._apart = _kept_apart(self._papers)

    def put(self, paper: Paper, standing_for: Paper | None = None) -> None:
        """Make a paper findable under its ids and title, as itself or as the one it was merged
        into.
        """
        found = standing_for or paper
        if paper.arxiv_id:
            self._by_arxiv[paper.arxiv_id] = found
        if paper.doi:
            self._by_doi[paper.doi] = found
        self._put_title(paper.title_key, found)

    def find(self, sighting: Sighting) -> Paper | None:
        """Return the paper a sighting is about, or None when it is about a new one."""
        found = self._by_id(sighting)
        if found or not sighting.title:
            return found
        key = identity.title_key(sighting.title)
        same = [paper for paper in self._by_title[key] if _one_work(key, paper, sighting)]
        return min(same, key=lambda paper: _preference(paper, sighting), default=None)

    def twin(self, paper: Paper) -> tuple[Paper, Paper] | None:
        """Return a stored paper that turned out to be this one by its title: which is to go, and
        which to stay. None when there is none.

        Two that staff have taken apart stay apart.
        """
        for other in self._by_title[paper.title_key]:
            is_same = (
                other is not paper
                and other.title_key == paper.title_key
                and not other.merged_into_id
                and not paper.merged_into_id
            )
            if (
                is_same
                and frozenset((paper.pk, other.pk)) not in self._apart
                and _one_work(paper.title_key, other, paper)
            ):
                stays, goes = sorted(
                    (paper, other),
                    key=lambda each: (each.arxiv_id is None, each.doi is None, each.pk),
                )
                return goes, stays
        return None

    def owner(self, sighting: Sighting) -> Paper | None:
        """Return the paper that has the sighting's DOI."""
        return self._by_doi.get(sighting.doi) if sighting.doi else None

    def namesake(self, sighting: Sighting) -> Paper | None:
        """Return a paper without ids that has the same title: a second one cannot be stored
        beside it.
        """
        key = identity.title_key(sighting.title)
        return next(
            (
                paper
                for paper in self._by_title[key]
                if not has_id(paper) and paper.title_key == key
            ),
            None,
        )

    def _put_title(self, key: str, paper: Paper) -> None:
        if not any(other is paper for other in self._by_title[key]):
            self._by_title[key].append(paper)

    def _by_id(self, sighting: Sighting) -> Paper | None:
        paper = self._by_arxiv.get(sighting.arxiv_id) if sighting.arxiv_id else None
        if paper is None and sighting.doi:
            paper = self._by_doi.get(sighting.doi)
            if paper and paper.arxiv_id and sighting.arxiv_id:
                paper = None  # two arXiv ids are two papers, whatever DOI their authors wrote down
        return paper

    def _survivor(self, paper: Paper) -> Paper:
        while paper.merged_into_id:
            if paper.merged_into_id not in self._papers:
                self._papers |= _locked([paper.merged_into_id])
            paper = self._papers[paper.merged_into_id]
        return paper


def has_id(paper: Paper | Sighting) -> bool:
    """Tell whether a paper is known by more than its title."""
    return bool(paper.arxiv_id or paper.doi)


def _locked(ids: Iterable[int]) -> dict[int, Paper]:
    """Load papers in the order of their keys, so that two recordings never wait for each other
    crosswise.
    """
    return {
        paper.pk: paper
        for paper in Paper.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    }


def _kept_apart(papers: Iterable[int]) -> frozenset[frozenset[int]]:
    ids = list(papers)
    pairs = Merge.objects.filter(
        Q(paper__in=ids) | Q(into__in=ids), split_at__isnull=False
    ).values_list("paper_id", "into_id")
    return frozenset(frozenset(pair) for pair in pairs)


def _one_work(key: str, paper: Paper, other: Paper | Sighting) -> bool:
    """Tell whether two entries of one title are one work: their ids can belong together and their
    authors do not speak against it.

    A short title alone is not enough to lend an entry without an id the id of another.
    """
    if (paper.arxiv_id and other.arxiv_id) or (paper.doi and other.doi):
        return False
    telling = len(key) >= identity.SHORT_KEY or not (has_id(paper) or has_id(other))
    return telling and not identity.authors_disagree(paper.authors, other.authors)


def _preference(paper: Paper, sighting: Sighting) -> tuple[bool, bool, str, str, int]:
    """Order papers of one title. An entry without id is rather the paper without id, which only
    staff keep beside another; then the one with the earliest arXiv id is meant.
    """
    other_kind = has_id(paper) and not has_id(sighting)
    return other_kind, paper.arxiv_id is None, paper.arxiv_id or "", paper.doi or "", paper.pk or 0
