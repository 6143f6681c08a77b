"""How near each paper is to what readers have learned to like."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.taste import term_hash, vector
from newsletter.ranking.vectors import Floats, PaperVectors

BEST = 5
LIKE_THE_BEST = 1.0
FULL = 1.0
"""Centred cosine that counts as a perfect match with a taste."""
STEP = 1 << 12
"""Papers' and readers' weights are rounded to this fraction, so that sums are exact integers."""


class Affinity:
    """Scores tastes against the papers of an edition. Sums are on integers: independent of
    blocks.
    """

    def __init__(self, vectors: PaperVectors) -> None:
        self.vectors = vectors
        self.size = vectors.all_terms.shape[0]

    @cached_property
    def _columns(self) -> dict[int, int]:
        """Column of each term hash; of two terms with one hash the rarer gives way."""
        columns: dict[int, int] = {}
        commonest = np.lexsort((np.arange(len(self.vectors.terms)), self.vectors.idf))
        for column in commonest:
            columns.setdefault(term_hash(self.vectors.terms[column]), int(column))
        return columns

    @cached_property
    def _papers(self) -> sparse.csc_array:
        """Terms by papers, int64."""
        table = self.vectors.all_terms.T.tocsr()
        table.data = np.rint(table.data * STEP).astype(np.int64)
        return table.astype(np.int64)

    @cached_property
    def _plain(self) -> Floats:
        table = self.vectors.all_terms
        return np.asarray((table @ table.T).toarray())

    @cached_property
    def _middle(self) -> Floats:
        """Inner product of each paper with the middle of all."""
        return np.asarray(self._plain.mean(axis=0))

    @cached_property
    def _centred(self) -> Floats:
        """Inner products of every pair of papers after their common middle is taken away."""
        return np.asarray(
            self._plain - self._middle[:, None] - self._middle[None, :] + self._middle.mean()
        )

    @cached_property
    def _lengths(self) -> Floats:
        """Lengths of the papers' vectors without their common middle."""
        return np.sqrt(np.maximum(np.diag(self._centred), 0.01))

    @cached_property
    def cosines(self) -> Floats:
        """Cosines of every pair of papers after their common middle is taken away."""
        return np.asarray(self._centred / self._lengths[:, None] / self._lengths[None, :])

    def scores(self, tastes: Sequence[bytes]) -> NDArray[np.int16]:
        """Affinity of each taste with each paper, -1000 to 1000: int16 (tastes, papers).

        The cosine of centred vectors, so that what all papers share counts for nothing, plus how
        like the reader's five best matches each paper is (Rocchio 1971).
        """
        if not self.size or not tastes:
            return np.zeros((len(tastes), self.size), np.int16)
        readers, trust = self._readers(tastes)
        sums = np.asarray((readers @ self._papers).todense()).astype(np.float64)
        near = self._without_middle(sums / float(STEP) ** 2) / self._lengths
        near = near + LIKE_THE_BEST * self._like_best(near)
        return np.rint(1000 * trust[:, None] * np.clip(near / FULL, -1, 1)).astype(np.int16)

    def _without_middle(self, sums: Floats) -> Floats:
        """Inner products with the part of a taste that is at right angles to the papers' middle."""
        mean = sums.mean(axis=1, keepdims=True)
        middle = self._middle.mean()
        return np.asarray(sums - mean - mean / max(float(middle), 1e-9) * (self._middle - middle))

    def _like_best(self, near: Floats) -> Floats:
        best = np.argsort(-near, axis=1, kind="stable")[:, :BEST]
        weights = np.maximum(np.take_along_axis(near, best, axis=1), 0.0)
        spread = np.zeros_like(near)
        for step in range(best.shape[1]):
            spread += weights[:, step, None] * self.cosines[best[:, step]]
        whole = weights.sum(axis=1, keepdims=True)
        middle: Floats = np.divide(spread, whole, out=np.zeros_like(spread), where=whole > 0)
        return middle

    def _readers(self, tastes: Sequence[bytes]) -> tuple[sparse.csr_array, Floats]:
        columns: list[int] = []
        values: list[int] = []
        starts = [0]
        trust = np.zeros(len(tastes))
        for row, taste in enumerate(tastes):
            hashes, weights, trust[row] = vector(taste)
            for one, weight in zip(
                hashes.tolist(), np.rint(weights * STEP).astype(np.int64).tolist(), strict=True
            ):
                if one in self._columns:
                    columns.append(self._columns[one])
                    values.append(weight)
            starts.append(len(columns))
        shape = (len(tastes), len(self.vectors.terms))
        table = sparse.csr_array(
            (np.array(values, np.int64), np.array(columns, np.int64), np.array(starts)), shape=shape
        )
        return table, trust

    def nearest(self, taste: bytes) -> int:
        """The place of the paper nearest to a taste."""
        return int(self.scores([taste])[0].argmax())

    def shared_terms(self, taste: bytes, place: int) -> list[str]:
        """The paper's terms that a taste likes, the strongest first."""
        hashes, weights, _ = vector(taste)
        liked = {
            self._columns[one]: weight
            for one, weight in zip(hashes.tolist(), weights.tolist(), strict=True)
            if one in self._columns
        }
        paper = self.vectors.all_terms[[place]].tocoo()
        pulls = [
            (liked.get(int(column), 0.0) * value, int(column))
            for column, value in zip(paper.col, paper.data, strict=True)
        ]
        return [
            self.vectors.terms[column]
            for pull, column in sorted(pulls, key=lambda one: (-one[0], one[1]))
            if pull > 0
        ]
