"""Papers that say the same thing twice: new versions, re-posts, two listings of one work."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.positions import Places, PositionalIndex

SAME_TITLE = 0.8
SAME_TEXT = 0.7
FEWEST_TITLE_WORDS = 4
MEETINGS = 5
"""Of their rarest stems, papers must share so many before all of them are compared."""
TOGETHER = 512
"""Papers that are compared with all others at once."""
COMPARED = 8192
"""Pairs of which all members are compared at once."""


def near_duplicates(index: PositionalIndex) -> NDArray[np.int32]:
    """The pairs of papers that are near-duplicates, each in both orders: int32 (pairs, 2), sorted.

    Two papers are when at least 80 % of the stems of both titles, or 70 % of those of title and
    abstract together, are shared (Jaccard index). Titles under four words are too short to tell.
    """
    positions = np.flatnonzero(index.tokens < len(index.words))
    fields, stems = index.field_of(positions), index.stems_at(positions)
    papers, title = fields // 2, fields % 2 == 0
    shape = (index.papers, len(index.stems))
    titles, texts = _sets(papers[title], stems[title], shape), _sets(papers, stems, shape)
    words = np.bincount(papers[~title], minlength=index.papers)
    pairs = np.concatenate(
        [
            _alike(titles, SAME_TITLE, np.diff(titles.indptr) >= FEWEST_TITLE_WORDS),
            _alike(texts, SAME_TEXT, words >= FEWEST_TITLE_WORDS),
        ]
    )
    return np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0).astype(np.int32)


def _sets(papers: Places, stems: NDArray[np.int32], shape: tuple[int, int]) -> sparse.csr_array:
    """1 for each stem of each paper, stems in the order of how few papers have them."""
    table = sparse.coo_array((np.ones(len(stems), np.int32), (papers, stems)), shape=shape).tocsr()
    having = np.bincount(table.indices, minlength=shape[1])
    rarest = np.empty(shape[1], np.int32)
    rarest[np.argsort(having, kind="stable")] = np.arange(shape[1])
    ordered = sparse.csr_array(
        (np.ones(table.nnz, np.int32), rarest[table.indices], table.indptr), shape=shape
    )
    ordered.sort_indices()
    return ordered


def _alike(sets: sparse.csr_array, least: float, compared: NDArray[np.bool_]) -> Places:
    """Pairs of the `compared` sets that share at least so much, the lower number first: (pairs, 2).

    Where two sets of n and m members share enough, they share at least ceil(least x n) = c of them,
    so the first k that they share are among the n - c + k rarest of the one and, likewise, of the
    other. Only sets that meet there are compared (Chaudhuri and others, "A Primitive Operator for
    Similarity Joins in Data Cleaning", 2006; with k > 1 as in Wang and others, "Can We Beat the
    Prefix Filtering?", 2012).
    """
    sizes = np.diff(sets.indptr)
    common = np.ceil(least * sizes - 1e-9).astype(np.intp)
    ranks = np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], sizes)
    kept = ranks < np.repeat(np.where(compared, sizes - common + MEETINGS, 0), sizes)
    rarest = sets.copy()
    rarest.data = kept.astype(np.int32)
    rarest.eliminate_zeros()
    by_member = rarest.T.tocsr()
    found = [np.zeros((0, 2), np.intp)]
    for start in range(0, len(sizes), TOGETHER):
        met = (rarest[start : start + TOGETHER] @ by_member).tocoo()
        one, two = met.row + start, met.col
        near = (one < two) & (
            met.data >= np.minimum(MEETINGS, np.maximum(common[one], common[two]))
        )
        found.append(_sharing(sets, np.column_stack([one[near], two[near]]).astype(np.intp), least))
    return np.concatenate(found)


def _sharing(sets: sparse.csr_array, pairs: Places, least: float) -> Places:
    """Those of the pairs whose Jaccard index is at least so much."""
    sizes = np.diff(sets.indptr)
    kept = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), COMPARED):
        one, two = pairs[start : start + COMPARED].T
        shared = np.asarray((sets[one] * sets[two]).sum(axis=1)).ravel()
        kept[start : start + COMPARED] = shared / (sizes[one] + sizes[two] - shared) >= least
    return pairs[kept]
