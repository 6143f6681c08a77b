"""What a reader is told of the evidence for a match. It is kept with the edition, so that no
worker looks into the texts again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from newsletter.ranking.evidence import Evidence


class Grounds(NamedTuple):
    """The words that speak for a paper under a topic or a phrase, as the paper spells them.

    `source` is the row of the topic that they come from, itself or one below it; -1 for a phrase.
    `called` says that the words are just that topic's name. `words` stand `times` in the `field`;
    without any there are `categories`, or words `related` to what was asked for.
    """

    source: int
    called: bool
    field: str
    times: int
    words: tuple[str, ...]
    categories: tuple[str, ...]
    related: tuple[str, ...]

    @classmethod
    def of(cls, evidence: Evidence, source: int = -1, name: str = "") -> "Grounds":
        """`name` is that of the source."""
        called = bool(evidence.spans) and evidence.is_called(name)
        return cls(
            source,
            called,
            evidence.field,
            evidence.times,
            evidence.wordings(),
            evidence.categories,
            evidence.related,
        )

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> "Grounds":
        """What `json` makes of one: a list, with lists in it."""
        source, called, field, times, words, categories, related = plain
        return cls(source, called, field, times, tuple(words), tuple(categories), tuple(related))

    @property
    def wordless(self) -> bool:
        """Whether nothing that the paper says can be shown: only a model, which goes by meaning,
        places it here.
        """
        return not (self.words or self.categories or self.related)
