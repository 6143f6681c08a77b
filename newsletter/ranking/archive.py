"""What the stored papers teach about words: how many papers have each, and which words keep
company.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.abbreviations import Wordings, believed, definitions
from newsletter.ranking.packing import pack, unpack
from newsletter.ranking.text import LONGEST, terms

_MAGIC = b"PBAR"
_VERSION = 3
RAREST_KEPT = 2
TITLE_WEIGHT = 4
"""A word in the title counts like this many in the abstract."""
DIMENSIONS = 200
FEWEST_PAPERS = 40
"""Below this many papers, words do not meet often enough to learn their company."""
RAREST_PLACED = 3
ALWAYS_KEPT = 3000
OVERSAMPLED = 20
POWER_ITERATIONS = 4
_LEVELS = 127

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ArchiveStatistics:
    """Statistics over stems, and two or three stems in a row ("diffus model").

    `frequencies` leaves out what only one paper has. `mean_length` is the mean number of single
    stems of a paper, the title's counted TITLE_WEIGHT times. `latents` gives single stems a place
    in a latent space: int8, to be read as directions times the length in `scales`. `abbreviations`
    are written out in full: "rag" stands for "retrieval augmented generation".
    """

    documents: int
    mean_length: float
    frequencies: Mapping[str, int]
    places: Mapping[str, int] = field(default_factory=dict)
    latents: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), np.int8))
    scales: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    abbreviations: Mapping[str, str] = field(default_factory=dict)

    def weight(self, term: str) -> float:
        """`smoothed_idf` of a term. One that is not known is taken to be in one paper."""
        return smoothed_idf(self.documents, self.frequencies.get(term, 1))

    def wordings(self, phrase: str) -> tuple[str, ...]:
        """The phrase as typed, and with abbreviations written out or put in."""
        return self._wordings.of(phrase)

    @cached_property
    def _wordings(self) -> Wordings:
        return Wordings(self.abbreviations)

    @cached_property
    def numbered(self) -> tuple[list[str], NDArray[np.int32], NDArray[np.uint32]]:
        """All stems that terms consist of; the terms as places in them, (terms, 3), padded with
        -1; and how many papers have each term.
        """
        numbers: dict[str, int] = {}
        terms = np.full((len(self.frequencies), LONGEST), -1, np.int32)
        for row, term in enumerate(self.frequencies):
            for column, one in enumerate(term.split(" ")):
                terms[row, column] = numbers.setdefault(one, len(numbers))
        documents = np.fromiter(self.frequencies.values(), np.uint32, len(terms))
        return list(numbers), terms, documents

    def latent(self, stems: Iterable[str]) -> Vector:
        """The places of stems in the latent space, (stems, dimensions); zeros where one is
        unknown.
        """
        rows = np.array([self.places.get(one, -1) for one in stems], np.int64)
        found = np.zeros((len(rows), self.latents.shape[1]))
        known = rows >= 0
        found[known] = (
            self.latents[rows[known]]
            * (self.scales[rows[known]].astype(np.float64) / _LEVELS)[:, None]
        )
        return found

    def narrowed(self, wanted: Collection[str]) -> "ArchiveStatistics":
        """Only what concerns the wanted terms and the commonest single stems."""
        single = (one for one in self.frequencies if " " not in one)
        common = sorted(single, key=lambda one: (-self.frequencies[one], one))[:ALWAYS_KEPT]
        kept = sorted({*wanted, *common} & self.frequencies.keys())
        placed = [one for one in kept if one in self.places]
        rows = np.array([self.places[one] for one in placed], np.int64)
        places = {one: row for row, one in enumerate(placed)}
        frequencies = {one: self.frequencies[one] for one in kept}
        return replace(
            self,
            frequencies=frequencies,
            places=places,
            latents=self.latents[rows],
            scales=self.scales[rows],
        )

    def to_bytes(self) -> bytes:
        known = sorted(self.frequencies)
        placed = sorted(self.places)
        rows = np.array([self.places[one] for one in placed], np.int64)
        data: dict[str, Any] = {
            "documents": self.documents,
            "mean_length": self.mean_length,
            "terms": known,
            "placed": placed,
        }
        data["abbreviations"] = dict(sorted(self.abbreviations.items()))
        counts = np.array([self.frequencies[one] for one in known], np.uint32)
        arrays: dict[str, NDArray[Any]] = {
            "counts": counts,
            "latents": self.latents[rows],
            "scales": self.scales[rows],
        }
        return pack(_MAGIC, _VERSION, data, arrays)

    @classmethod
    def from_bytes(cls, blob: bytes) -> "ArchiveStatistics":
        """UnreadableBytes (a ValueError) when the bytes are not such statistics."""
        data, arrays, _ = unpack(_MAGIC, _VERSION, blob)
        frequencies = dict(zip(data["terms"], arrays["counts"].tolist(), strict=True))
        places = {one: row for row, one in enumerate(data["placed"])}
        latents, scales = arrays["latents"], arrays["scales"]
        return cls(
            data["documents"],
            data["mean_length"],
            frequencies,
            places,
            latents,
            scales,
            data["abbreviations"],
        )


def smoothed_idf(documents: int, having: int) -> float:
    """The smoothed inverse document frequency ln(1 + (N - n + 0.5) / (n + 0.5)).

    As in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
    with 1 added inside the logarithm so that no weight is negative.
    """
    having = min(having, documents)
    return log(1 + (documents - having + 0.5) / (having + 0.5))


def fit_archive(texts: Iterable[tuple[str, str]]) -> ArchiveStatistics:
    """Statistics over (title, abstract) pairs; the order of the pairs does not matter."""
    counted: list[Counter[str]] = []
    defined: Counter[tuple[str, str]] = Counter()
    for title, abstract in sorted(texts):
        counted.append(_count(title, abstract))
        defined.update(set(definitions(f"{title}\n{abstract}")))
    frequencies = Counter(chain.from_iterable(counted))
    least = min(RAREST_KEPT, len(counted))
    kept = {one: count for one, count in frequencies.items() if count >= least}
    lengths = [
        sum(number for one, number in counts.items() if " " not in one) for counts in counted
    ]
    mean_length = sum(lengths) / len(lengths) if lengths else 0.0
    plain = ArchiveStatistics(
        len(counted), mean_length, kept, abbreviations=believed(defined, kept)
    )
    return plain if len(counted) < FEWEST_PAPERS else _placed(plain, counted)


def _count(title: str, abstract: str) -> Counter[str]:
    counts = Counter(terms(abstract))
    for one in terms(title):
        counts[one] += TITLE_WEIGHT
    return counts


def _placed(plain: ArchiveStatistics, counted: list[Counter[str]]) -> ArchiveStatistics:
    """Latent places of stems: the right singular vectors of the papers' TF-IDF vectors.

    Deerwester and others, "Indexing by Latent Semantic Analysis" (1990). Weights are (1 + ln tf) x
    idf, each paper scaled to length 1.
    """
    single = sorted(
        one for one, count in plain.frequencies.items() if " " not in one and count >= RAREST_PLACED
    )
    columns = {one: column for column, one in enumerate(single)}
    table = _weights(plain, counted, columns)
    dimensions = min(DIMENSIONS, len(counted) // 4, len(single) - 1)
    if dimensions < 1:
        return plain
    directions = _main_directions(table, dimensions)
    lengths = np.abs(directions).max(axis=0)
    steps = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    latents = np.rint(steps.T * _LEVELS).astype(np.int8)
    return replace(plain, places=columns, latents=latents, scales=lengths.astype(np.float32))


def _main_directions(table: sparse.csr_array, dimensions: int) -> Vector:
    """The first right singular vectors, (dimensions, columns), by the randomised method of Halko,
    Martinsson and Tropp, "Finding Structure with Randomness" (2011), with four power iterations."""
    width = min(dimensions + OVERSAMPLED, *table.shape)
    basis = table.T @ np.random.default_rng(0).normal(size=(table.shape[0], width))
    for _ in range(POWER_ITERATIONS):
        basis, _ = np.linalg.qr(table.T @ (table @ np.linalg.qr(basis)[0]))
    _, _, small = np.linalg.svd(table @ basis, full_matrices=False)
    return np.asarray((small @ basis.T)[:dimensions])


def _weights(
    plain: ArchiveStatistics, counted: list[Counter[str]], columns: Mapping[str, int]
) -> sparse.csr_array:
    held = [
        [(columns[one], number) for one, number in counts.items() if one in columns]
        for counts in counted
    ]
    starts = np.concatenate(([0], np.cumsum([len(entries) for entries in held])))
    flat = np.array(list(chain.from_iterable(held)), np.int64).reshape(-1, 2)
    idf = np.array([plain.weight(one) for one in columns])
    values = (1 + np.log(flat[:, 1])) * idf[flat[:, 0]]
    table = sparse.csr_array((values, flat[:, 0], starts), shape=(len(counted), len(columns)))
    lengths = np.sqrt((table * table).sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ table)
