"""How near each paper is to what readers have learned to like."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.archive import smoothed_idf
from newsletter.ranking.grams import KnownTerms
from newsletter.ranking.taste import TITLE_TWICE, term_hash, vector
from newsletter.ranking.vectors import (
    Floats,
    grained,
    products_of,
    starts_of,
    top_of_rows,
    unit_rows,
)

BEST = 5
LIKE_THE_BEST = 1.0
FULL = 1.0
"""Centred cosine that counts as a perfect match with a taste."""
STEP = 1 << 12
"""Papers' and readers' weights are rounded to this fraction, so that sums are exact integers."""
TOGETHER = 32
"""Tastes that are compared at once: 10 MB for an edition of 75,000 terms."""

Scores = NDArray[np.int16]


class Affinity:
    """Scores tastes against the papers of an edition, over the terms that the archive knows.

    What else is scored changes nothing: sums are on integers, or go paper by paper.
    """

    def __init__(self, terms: KnownTerms, documents: int) -> None:
        """`documents` is the number of papers in the archive."""
        self.terms = terms
        table = terms.counts(TITLE_TWICE)
        idf = _idf(terms.documents, documents)
        table.data = levelled(table.data) * idf[table.indices]
        table = unit_rows(table)
        middle = np.asarray(table.sum(axis=0)).ravel() / max(table.shape[0], 1)
        self._middle: Floats = table @ middle
        """Inner product of each paper with the middle of all."""
        self._middle_length = float(middle @ middle)
        squares = np.asarray((table * table).sum(axis=1)).ravel()
        centred = squares - 2 * self._middle + self._middle_length
        self._lengths = np.sqrt(np.maximum(centred, 0.01))
        """Lengths of the papers' vectors without their common middle."""
        self._by_term = table.T.tocsr()
        self._by_term.data = np.rint(self._by_term.data * STEP).astype(np.int32)
        self._papers = sparse.csr_array(
            (grained(table.data), table.indices, table.indptr), shape=table.shape
        )

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Term hashes in order, and the term of each; of two terms with one hash the rarer gives
        way.
        """
        hashes = np.fromiter(map(term_hash, self.terms.names()), np.int64, len(self.terms))
        commonest = np.lexsort((-self.terms.documents.astype(np.int64), hashes))
        known, first = np.unique(hashes[commonest], return_index=True)
        return known, commonest[first]

    def scores(self, tastes: Sequence[bytes]) -> Scores:
        """Affinity of each taste with each paper, -1000 to 1000: int16 (tastes, papers).

        The cosine of centred vectors, so that what all papers share counts for nothing, plus how
        like the reader's five best matches each paper is (Rocchio 1971).
        """
        found = np.zeros((len(tastes), len(self._lengths)), np.int16)
        for start in range(0, len(tastes), TOGETHER) if found.size else ():
            part = slice(start, start + TOGETHER)
            found[part] = self._block(tastes[part])
        return found

    def _block(self, tastes: Sequence[bytes]) -> Scores:
        readers, trust = self._readers(tastes)
        sums = (readers @ self._by_term).toarray().astype(np.float64) / float(STEP) ** 2
        near = self._without_middle(sums) / self._lengths
        near += LIKE_THE_BEST * self._like_best(near)
        scaled = 1000 * trust[:, None] * np.clip(near / FULL, -1, 1)
        return np.asarray(np.rint(scaled).astype(np.int16))

    def _without_middle(self, sums: Floats) -> Floats:
        """Inner products with the part of a taste that is at right angles to the papers' middle."""
        mean = sums.mean(axis=1, keepdims=True)
        apart = self._middle - self._middle_length
        return np.asarray(sums - mean - mean / max(self._middle_length, 1e-9) * apart)

    def _like_best(self, near: Floats) -> Floats:
        """The mean cosine of each paper with the best of each row, weighted, after the common
        middle is taken away.
        """
        rows, papers, _ = top_of_rows(near, BEST)
        whole = np.bincount(rows, near[rows, papers], minlength=len(near))
        shares = near[rows, papers] / whole[rows] / self._lengths[papers]
        sizes = np.bincount(rows, minlength=len(near))
        weights = sparse.csr_array((shares, papers, starts_of(sizes)), shape=near.shape)
        products = products_of(self._papers, weights @ self._papers)
        own = np.bincount(rows, shares * self._middle[papers], minlength=len(near))
        sums = np.bincount(rows, shares, minlength=len(near))
        apart = self._middle - self._middle_length
        return np.asarray((products - own[:, None] - sums[:, None] * apart) / self._lengths)

    def _readers(self, tastes: Sequence[bytes]) -> tuple[sparse.csr_array, Floats]:
        """Tastes as int32 (tastes, terms), and how much each is to be trusted."""
        columns, values = [], []
        trust = np.zeros(len(tastes))
        for row, taste in enumerate(tastes):
            terms, weights, trust[row] = self._opened(taste)
            columns.append(terms)
            values.append(np.rint(weights * STEP).astype(np.int32))
        shape = (len(tastes), len(self.terms))
        table = (np.concatenate(values), np.concatenate(columns), starts_of(map(len, columns)))
        return sparse.csr_array(table, shape=shape), trust

    def _opened(self, taste: bytes) -> tuple[NDArray[np.intp], Floats, float]:
        """The terms of a taste that the papers have, their weights, and its trust."""
        hashes, weights, trust = vector(taste)
        known, terms = self._columns
        if not len(known):
            return np.zeros(0, np.intp), np.zeros(0), trust
        at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        found = known[at] == hashes
        return terms[at[found]], weights[found], trust

    def nearest(self, taste: bytes) -> int:
        """The place of the paper nearest to a taste."""
        return int(self.scores([taste])[0].argmax())

    def shared_terms(self, taste: bytes, place: int) -> list[str]:
        """The paper's terms that a taste likes, the strongest first."""
        terms, weights, _ = self._opened(taste)
        liked = np.zeros(len(self.terms))
        liked[terms] = weights
        own = slice(self._papers.indptr[place], self._papers.indptr[place + 1])
        columns = self._papers.indices[own]
        pulls = liked[columns] * self._papers.data[own]
        order = np.lexsort((columns, -pulls))
        return [self.terms.name(columns[at]) for at in order[: int((pulls > 0).sum())].tolist()]


def levelled(counts: Floats) -> Floats:
    """How much a term's repetition in a paper counts for taste: n / (n + 1), so twice is little
    more than once.

    The saturation of BM25 without its length. What a paper mentions at all says more about who
    likes it than how often it does.
    """
    return np.asarray(counts / (counts + 1.0))


def _idf(documents: NDArray[np.uint32], archive: int) -> Floats:
    different, at = np.unique(documents, return_inverse=True)
    return np.array([smoothed_idf(archive, one) for one in different.tolist()])[at]
