"""The terms of an edition's papers that the archive knows: stems, and two or three in a row.

An edition keeps no other terms of the archive.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.positions import Numbers, Places, PositionalIndex, smallest
from newsletter.ranking.text import LONGEST

_NONE, _UNKNOWN = -1, -2

Keys = NDArray[np.int64]


class KnownTerms:
    """Terms that occur in the papers and in the archive, in the order of their names.

    `stems` int32 (terms, 3) has the numbers of the stems of each term, padded with -1; `documents`
    how many archive papers have it.
    """

    def __init__(
        self, index: PositionalIndex, stems: Numbers, documents: NDArray[np.uint32]
    ) -> None:
        self.index = index
        self.stems = stems
        self.documents = documents

    @classmethod
    def of(cls, index: PositionalIndex, archive: ArchiveStatistics) -> "KnownTerms":
        """The terms of the archive that occur in the papers."""
        stems, terms, documents = archive.numbered
        number = index.stem_numbers
        numbers = np.array([*(number.get(one, _UNKNOWN) for one in stems), _NONE], np.int32)
        possible = numbers[terms]  # padding finds the last one
        held = (possible != _UNKNOWN).all(axis=1)
        possible, documents = possible[held], documents[held]
        order = np.lexsort(possible.T[::-1])
        every = cls(index, possible[order], documents[order])
        occurring = np.zeros(len(every), bool)
        for _, found in every._found():
            occurring[found[found >= 0]] = True
        return cls(index, every.stems[occurring], every.documents[occurring])

    def to_plain(self) -> dict[str, NDArray[Any]]:
        """Arrays for newsletter.ranking.packing."""
        return {
            "term_stems": smallest(self.stems - _NONE),
            "term_documents": smallest(self.documents),
        }

    @classmethod
    def from_plain(cls, index: PositionalIndex, arrays: Mapping[str, NDArray[Any]]) -> "KnownTerms":
        """What `to_plain` gave, of the same index."""
        stems = arrays["term_stems"].astype(np.int32) + _NONE
        return cls(index, stems, arrays["term_documents"].astype(np.uint32))

    def __len__(self) -> int:
        return len(self.documents)

    def name(self, term: int) -> str:
        """The stems of a term, as `text.terms` joins them."""
        return " ".join(self.index.stems[one] for one in self.stems[term].tolist() if one >= 0)

    def names(self) -> Iterator[str]:
        """The names of all terms, in order."""
        stems = (*self.index.stems, "")  # -1, the padding, finds the last one
        for one, two, three in self.stems.tolist():
            yield f"{stems[one]} {stems[two]} {stems[three]}".rstrip()

    def counts(self, title_weight: int) -> sparse.csr_array:
        """How often each paper has each term, the title's counted `title_weight` times: float64
        (papers, terms).
        """
        fields, columns = [], []
        for run, terms in self._found():
            fields.append(run.fields[terms >= 0])
            columns.append(terms[terms >= 0])
        field, column = np.concatenate(fields), np.concatenate(columns)
        worth = np.where(field % 2 == 0, float(title_weight), 1.0)
        shape = (self.index.papers, len(self))
        return sparse.csr_array(
            sparse.coo_array((worth, (field // 2, column)), shape=shape).tocsr()
        )

    def shared(self) -> NDArray[np.uint16]:
        """For each position of the index, how many archive papers beside one share the two-word
        phrase that begins there; 0 where none does.
        """
        shared = np.zeros(len(self.index.tokens), np.uint16)
        run, terms = list(self._found())[1]
        documents = np.minimum(self.documents, np.iinfo(np.uint16).max).astype(np.uint16)
        known = terms >= 0
        shared[run.positions[known]] = np.maximum(documents[terms[known]], 1) - 1
        return shared * self.index.touching

    def _found(self) -> Iterator[tuple["_Run", Places]]:
        """Sequences of one, two and three stems in the papers, and the term that each is; -1 for
        none.
        """
        sizes = (self.stems >= 0).sum(axis=1)
        for length, run in enumerate(_runs(self.index), 1):
            terms = np.flatnonzero(sizes == length)
            keys = _keys(self.stems[terms, :length].T, len(self.index.stems))
            order = np.argsort(keys)
            keys, terms = np.append(keys[order], _NONE), np.append(terms[order], _NONE)
            at = np.searchsorted(keys[:-1], run.keys)
            yield run, np.where(keys[at] == run.keys, terms[at], _NONE)


class _Run(NamedTuple):
    """All sequences of so many stems: their first positions, their fields, and a key for each."""

    positions: Places
    fields: Places
    keys: Keys


def _runs(index: PositionalIndex) -> Iterator[_Run]:
    """Sequences of one stem, then of two, then of three; stop words are passed over."""
    positions = np.flatnonzero(index.is_term)
    fields, stems = index.field_of(positions), index.stems_at(positions)
    for length in range(1, LONGEST + 1):
        last = max(len(positions) - length + 1, 0)
        inside = np.flatnonzero(fields[:last] == fields[len(fields) - last :])
        keys = _keys([stems[inside + step] for step in range(length)], len(index.stems))
        yield _Run(positions[inside], fields[inside], keys)


def _keys(stems: Any, base: int) -> Keys:
    """One number for each sequence of stem numbers; `stems` has the first ones, then the second
    ones, and so on.
    """
    keys = np.zeros(len(stems[0]), np.int64)
    for one in stems:
        keys = keys * base + one
    return keys
