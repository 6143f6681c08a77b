"""The papers of an edition as vectors: of words for exact matches, latent for related ones."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.archive import TITLE_WEIGHT, ArchiveStatistics
from newsletter.ranking.phrases import PaperIndex
from newsletter.ranking.text import terms

K1 = 1.2
B = 0.75
"""The usual constants of BM25: how fast repetition saturates, how much length counts."""

TITLE_TWICE = 2
"""What the title counts where terms are weighed for taste."""

Floats = NDArray[np.float64]


class PaperVectors:
    """Vectors of all papers over the terms that occur in them. Float64, so that rounding is
    stable.
    """

    def __init__(self, indexes: Sequence[PaperIndex], archive: ArchiveStatistics) -> None:
        self.archive = archive
        self._indexes = indexes
        counted = [_count(index, TITLE_WEIGHT) for index in indexes]
        self.vocabulary = {
            term: column for column, term in enumerate(sorted(set(chain.from_iterable(counted))))
        }
        self.terms = list(self.vocabulary)
        self.idf = np.array([archive.weight(term) for term in self.terms])
        self.single = np.array([" " not in term for term in self.terms], bool)
        self._known = np.array([term in archive.frequencies for term in self.terms], bool)
        self._counts = self._table(counted)

    @cached_property
    def bm25(self) -> sparse.csr_array:
        return self._saturated(self._counts)

    @cached_property
    def words(self) -> sparse.csr_array:
        """Single words, each paper scaled to length 1."""
        return _unit(self._weighted(self._counts, self.single & self._known))

    @cached_property
    def all_terms(self) -> sparse.csr_array:
        """Words and sequences of words, each paper scaled to length 1: what tastes are compared
        with.
        """
        return _unit(
            self._levelled(
                self._table([_count(index, TITLE_TWICE) for index in self._indexes]), self._known
            )
        )

    @cached_property
    def places(self) -> Floats:
        """The latent places of the terms, (terms, dimensions)."""
        return self.archive.latent(self.terms)

    @cached_property
    def latent(self) -> Floats:
        """The latent places of the papers, each of length 1."""
        return _unit_rows(self.words @ self.places)

    def _table(self, counts: Sequence[Counter[str]]) -> sparse.csr_array:
        starts = np.concatenate(([0], np.cumsum([len(one) for one in counts]))).astype(np.int64)
        columns = np.array([self.vocabulary[term] for one in counts for term in one], np.int64)
        values = np.array([number for one in counts for number in one.values()], np.float64)
        table = sparse.csr_array((values, columns, starts), shape=(len(counts), len(self.terms)))
        table.sort_indices()
        return table

    def _saturated(self, table: sparse.csr_array) -> sparse.csr_array:
        """BM25 of Robertson and others (TREC-3, 1994) on the fields joined with weights (BM25F,
        2004).
        """
        single = sparse.csr_array(table * self.single[None, :].astype(np.float64))
        lengths = np.asarray(single.sum(axis=1)).ravel() / (self.archive.mean_length or 1.0)
        rows = np.repeat(np.arange(single.shape[0]), np.diff(single.indptr))
        frequency = single.data
        single.data = (
            frequency
            * (K1 + 1)
            / (frequency + K1 * (1 - B + B * lengths[rows]))
            * self.idf[single.indices]
        )
        return single

    def _weighted(self, table: sparse.csr_array, kept: NDArray[np.bool_]) -> sparse.csr_array:
        """(1 + ln tf) x idf of the kept terms. What the archive has in one paper only joins no
        two papers.
        """
        weighted = table.copy()
        weighted.data = (1 + np.log(table.data)) * self.idf[table.indices] * kept[table.indices]
        return weighted

    def _levelled(self, table: sparse.csr_array, kept: NDArray[np.bool_]) -> sparse.csr_array:
        """`levelled` counts x idf of the kept terms."""
        weighted = table.copy()
        weighted.data = levelled(table.data) * self.idf[table.indices] * kept[table.indices]
        return weighted

    def query(self, typed: str) -> Floats:
        """The latent place of a typed text, of length 1; zeros when no word of it has one."""
        stems = [one for one in dict.fromkeys(terms(typed)) if " " not in one]
        weights = np.array([self.archive.weight(one) for one in stems])
        if not stems or not self.places.shape[1]:
            return np.zeros(self.places.shape[1])
        return unit(weights @ self.archive.latent(stems))

    def coverage(self, typed: str) -> Floats:
        """BM25 score of a typed text per paper, divided by the weight of its words."""
        stems = [one for one in dict.fromkeys(terms(typed)) if " " not in one]
        whole = sum(self.archive.weight(one) for one in stems)
        asked = np.zeros(len(self.terms))
        asked[[self.vocabulary[one] for one in stems if one in self.vocabulary]] = 1.0
        return np.asarray(self.bm25 @ asked) / (whole or 1.0)


def levelled(counts: Floats) -> Floats:
    """How much a term's repetition in a paper counts for taste: n / (n + 1), so twice is little
    more than once.

    The saturation of BM25 without its length. What a paper mentions at all says more about who
    likes it than how often it does.
    """
    return np.asarray(counts / (counts + 1.0))


def _count(index: PaperIndex, title_weight: int) -> Counter[str]:
    counts = Counter(index.abstract.terms)
    for term in index.title.terms:
        counts[term] += title_weight
    return counts


def unit(vector: Floats) -> Floats:
    length = float(np.sqrt((vector * vector).sum()))
    return vector / length if length > 0 else vector


def _unit_rows(table: Floats) -> Floats:
    lengths = np.sqrt((table * table).sum(axis=1))
    return np.asarray(table / np.where(lengths > 0, lengths, 1.0)[:, None])


def _unit(table: sparse.csr_array) -> sparse.csr_array:
    lengths = np.sqrt(np.asarray((table * table).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1.0)) @ table)
