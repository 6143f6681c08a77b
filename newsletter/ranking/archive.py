"""What the stored papers teach about words: how many papers have each one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

import numpy as np

from newsletter.ranking.packing import pack, unpack
from newsletter.ranking.text import stem, words

_MAGIC = b"PBAR"
_VERSION = 1
RAREST_KEPT = 2


@dataclass(frozen=True, slots=True)
class ArchiveStatistics:
    """Document frequencies of stems. `frequencies` leaves out stems seen in one paper only."""

    documents: int
    frequencies: Mapping[str, int]

    def weight(self, one: str) -> float:
        """The smoothed inverse document frequency ln(1 + (N - n + 0.5) / (n + 0.5)) of a stem.

        As in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
        (2009), with 1 added inside the logarithm so that no weight is negative.
        """
        having = self.frequencies.get(one, 0)
        return log(1 + (self.documents - having + 0.5) / (having + 0.5))

    def to_bytes(self) -> bytes:
        stems = sorted(self.frequencies)
        counts = np.array([self.frequencies[one] for one in stems], np.uint32)
        return pack(_MAGIC, _VERSION, {"documents": self.documents, "stems": stems}, {"counts": counts})

    @classmethod
    def from_bytes(cls, blob: bytes) -> "ArchiveStatistics":
        """UnreadableBytes (a ValueError) when the bytes are not such statistics."""
        data, arrays = unpack(_MAGIC, _VERSION, blob)
        return cls(data["documents"], dict(zip(data["stems"], arrays["counts"].tolist(), strict=True)))


def fit_archive(texts: Iterable[tuple[str, str]]) -> ArchiveStatistics:
    """Statistics over (title, abstract) pairs; the order of the pairs does not matter."""
    documents = 0
    counts: Counter[str] = Counter()
    for title, abstract in texts:
        documents += 1
        counts.update({stem(word) for word in words(f"{title}\n{abstract}")})
    kept = {one: count for one, count in counts.items() if count >= min(RAREST_KEPT, documents)}
    return ArchiveStatistics(documents, kept)
