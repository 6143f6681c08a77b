"""Where a sentence-embedding model places an edition's papers and what readers ask for. Frozen
with the edition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.text import words

Floats = NDArray[np.float64]
Half = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Meanings:
    """Vectors of length 1 by one model, named `model`, kept as float16.

    `papers` goes by paper id, `asked` by `asked_text` of a topic's or a reader's phrase. What was
    not embedded is missing: there the ranking goes by words alone.
    """

    model: str
    papers: Mapping[int, Half] = field(default_factory=dict)
    asked: Mapping[str, Half] = field(default_factory=dict)

    def table(self, paper_ids: Sequence[int]) -> Floats:
        """The papers' vectors, (papers, dimensions); zeros for a paper without one."""
        width = len(next(iter(self.papers.values()), ()))
        found = np.zeros((len(paper_ids), width))
        for row, one in enumerate(paper_ids):
            if one in self.papers:
                found[row] = self.papers[one]
        return found

    def phrase(self, phrase: str) -> Half | None:
        """The vector of a phrase, None where it has none."""
        return self.asked.get(asked_text(phrase))

    def to_plain(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON-able data, and arrays named `meant_papers` and `meant_phrases`, for
        newsletter.ranking.packing.
        """
        ids, phrases = sorted(self.papers), sorted(self.asked)
        data = {"model": self.model, "papers": ids, "phrases": phrases}
        papers = _stacked([self.papers[one] for one in ids])
        return data, {
            "meant_papers": papers,
            "meant_phrases": _stacked([self.asked[one] for one in phrases]),
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], papers: Half, phrases: Half) -> "Meanings":
        """What `to_plain` gave."""
        return cls(
            data["model"],
            dict(zip(data["papers"], papers, strict=True)),
            dict(zip(data["phrases"], phrases, strict=True)),
        )


def asked_text(phrase: str) -> str:
    """The form in which a phrase is embedded and looked up: its words in their normal form."""
    return " ".join(words(phrase))


def _stacked(vectors: list[Half]) -> Half:
    return np.stack(vectors) if vectors else np.zeros((0, 0), np.float16)
