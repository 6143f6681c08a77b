"""The papers of an edition as vectors: of words for exact matches, latent for related ones.

Nothing is stored for terms that a paper does not have, nor for pairs of papers.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.archive import TITLE_WEIGHT, ArchiveStatistics
from newsletter.ranking.positions import Places, PositionalIndex
from newsletter.ranking.text import STOP_WORDS, stem, words

K1 = 1.2
B = 0.75
"""The usual constants of BM25: how fast repetition saturates, how much length counts."""

_GRAIN = float(1 << 20)

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class WordVectors:
    """Vectors of all papers over the stems of their single words, stop words left out.

    `bm25` (stems, papers) has the BM25 score of each stem in each paper: Robertson and others
    (TREC-3, 1994), on the fields joined with weights (BM25F, 2004). `known` are the stems that the
    archive has in several papers: others join no two papers. `words` (papers, known), float32, has
    (1 + ln tf) x idf, each paper scaled to length 1. `latent` (papers, dimensions), `grained`, has
    the papers' places in the archive's latent space, each of length 1.
    """

    def __init__(self, index: PositionalIndex, archive: ArchiveStatistics) -> None:
        self.archive = archive
        self.stem_numbers = index.stem_numbers
        idf = np.array([archive.weight(one) for one in index.stems], np.float64)
        counts = counted(index, index.token_stems, TITLE_WEIGHT, len(index.stems))
        self.bm25 = _saturated(counts, idf, archive.mean_length).T.tocsr()
        known = [at for at, one in enumerate(index.stems) if one in archive.frequencies]
        self.known = np.array(known, np.intp)
        weighted = sparse.csr_array(counts[:, self.known])
        weighted.data = (1 + np.log(weighted.data)) * idf[self.known][weighted.indices]
        weighted = unit_rows(weighted)
        self.words = weighted.astype(np.float32)
        placed = [at for at, one in enumerate(known) if index.stems[one] in archive.places]
        places = archive.latent(index.stems[known[at]] for at in placed)
        self.latent = grained(_unit_lines(sparse.csr_array(weighted[:, placed]) @ places))

    def queries(self, texts: Sequence[str]) -> Floats:
        """The latent places of typed texts, each of length 1, (texts, dimensions); zeros where no
        word of a text has one.
        """
        asked = [asked_stems(text) for text in texts]
        stems = list(dict.fromkeys(one for found in asked for one in found))
        columns = {one: column for column, one in enumerate(stems)}
        weights = sparse.csr_array(
            (
                [self.archive.weight(one) for found in asked for one in found],
                [columns[one] for found in asked for one in found],
                starts_of(map(len, asked)),
            ),
            shape=(len(texts), len(stems)),
            dtype=np.float64,
        )
        return _unit_lines(np.asarray(weights @ self.archive.latent(stems)))

    def coverage(self, texts: Sequence[str]) -> Floats:
        """BM25 score of each typed text for each paper, divided by the weight of its words:
        (texts, papers).
        """
        numbers = self.stem_numbers
        asked = [asked_stems(text) for text in texts]
        whole = [sum(self.archive.weight(one) for one in found) or 1.0 for found in asked]
        known = [sorted(numbers[one] for one in found if one in numbers) for found in asked]
        table = sparse.csr_array(
            (
                np.ones(sum(map(len, known))),
                np.array([number for found in known for number in found], np.int32),
                starts_of(map(len, known)),
            ),
            shape=(len(texts), len(numbers)),
        )
        return np.asarray((table @ self.bm25).toarray() / np.array(whole)[:, None])


def asked_stems(text: str) -> list[str]:
    """The stems of a typed text without stop words, each once."""
    return list(dict.fromkeys(stem(word) for word in words(text) if word not in STOP_WORDS))


def counted(
    index: PositionalIndex, columns: NDArray[np.int32], title_weight: int, width: int
) -> sparse.csr_array:
    """How often each paper has each column, the title's counted `title_weight` times: float64
    (papers, width).

    `columns` has the column of each position of the index; stop words are left out.
    """
    positions = np.flatnonzero(index.is_term & (columns >= 0))
    fields = index.field_of(positions)
    worth = np.where(fields % 2 == 0, float(title_weight), 1.0)
    found = sparse.coo_array(
        (worth, (fields // 2, columns[positions])), shape=(index.papers, width)
    )
    return sparse.csr_array(found.tocsr())


def _saturated(counts: sparse.csr_array, idf: Floats, mean_length: float) -> sparse.csr_array:
    lengths = np.asarray(counts.sum(axis=1)).ravel() / (mean_length or 1.0)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    table = counts.copy()
    table.data = (
        counts.data
        * (K1 + 1)
        / (counts.data + K1 * (1 - B + B * lengths[rows]))
        * idf[counts.indices]
    )
    return table


def grained(values: Floats) -> Singles:
    """Values up to 1 rounded to multiples of 2^-20.

    Sums of their products are exact in double precision for vectors up to length 1, whatever the
    order of the sum: so a score does not depend on what else is computed with it.
    """
    return (np.rint(values * _GRAIN) / _GRAIN).astype(np.float32)


def unit(vector: Floats) -> Floats:
    length = float(np.sqrt((vector * vector).sum()))
    return vector / length if length > 0 else vector


def unit_rows(table: sparse.csr_array) -> sparse.csr_array:
    """Each row of a sparse table scaled to length 1."""
    lengths = np.sqrt(np.asarray((table * table).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1.0)) @ table)


def _unit_lines(table: Floats) -> Floats:
    """Each row of a dense table scaled to length 1."""
    lengths = np.sqrt((table * table).sum(axis=1))
    return np.asarray(table / np.where(lengths > 0, lengths, 1.0)[:, None])


def starts_of(lengths: Iterable[int]) -> NDArray[np.int32]:
    """Where lists of these lengths begin when they stand one after the other, and the end."""
    return np.array([0, *itertools.accumulate(lengths)], np.int32)


def top_of_rows(table: Floats, count: int) -> tuple[Places, Places, Places]:
    """The highest values above 0 of each row, at most `count`: their rows, columns and ranks. Of
    equal values the first ones.
    """
    count = min(count, table.shape[1])
    least = np.partition(table, -count, axis=1)[:, -count]
    rows, columns = np.nonzero((table >= least[:, None]) & (table > 0))
    order = np.lexsort((columns, -table[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    firsts = np.searchsorted(rows, rows)
    ranks = np.arange(len(rows)) - firsts
    kept = ranks < count
    return rows[kept], columns[kept], ranks[kept]


def products_of(table: sparse.csr_array, vectors: sparse.csr_array) -> Floats:
    """Inner products of sparse vectors with the rows of a float32 table: (vectors, rows).

    Row by row over a dense block, which is several times faster than a sparse product.
    """
    # Two columns at least: scipy multiplies a single one in another way.
    block = np.zeros((table.shape[1], max(vectors.shape[0], 2)), np.float32)
    block[:, : vectors.shape[0]] = vectors.toarray().T
    return np.asarray((table @ block).T[: vectors.shape[0]], np.float64)


def products(vectors: Floats, places: Singles) -> Floats:
    """Inner products of vectors up to length 1 with the papers' `grained` places: (vectors,
    papers).
    """
    return np.asarray(grained(vectors).astype(np.float64) @ places.astype(np.float64).T)
