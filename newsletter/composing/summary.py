"""Summary: the first sentences of an abstract, whole wherever possible."""

import re
from dataclasses import dataclass

from ingest.cleaning import shorten

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[”\"')\]]*(?:\s+|(?<=[。！？]))(?=\S)")
_NOT_AN_END = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|etc|cf|vs|Fig|Figs|Eq|Eqs|Sec|Tab|resp|approx|Dr|No|St|[A-Z])\.)$"
)


@dataclass(frozen=True, slots=True)
class Summary:
    """A beginning of a text, and whether anything was left out."""

    text: str
    cut: bool


def summarise(text: str, limit: int) -> Summary:
    """Return as many whole sentences as fit into `limit` characters; where not even one does,
    its words with an ellipsis.
    """
    if len(text) <= limit:
        return Summary(text, cut=False)
    end = 0
    for boundary in _SENTENCE_END.finditer(text, 0, limit + 1):
        if not _NOT_AN_END.search(text[: boundary.start()]):
            end = boundary.start() + len(boundary[0].rstrip())
    # A very short first sentence alone says too little: then the words up to the limit are kept.
    if end >= limit // 3:
        return Summary(text[:end], cut=True)
    return Summary(shorten(text, limit), cut=True)
