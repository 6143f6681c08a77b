"""What in a paper speaks for a phrase: where it stands, and whether it stands there for itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.phrases import FieldIndex, PaperIndex, Span, phrase_words
from newsletter.ranking.text import STOP_WORDS, stem

TITLE_PHRASE = 100
ABSTRACT_PHRASE = 60
TITLE_WORDS = 40
ABSTRACT_WORDS = 30
ENOUGH_WORDS = 0.75
"""Share of a phrase's weight that must stand in one field when its words stand apart."""
TOGETHER = 12
"""Words of an abstract within which the words of a phrase must stand; further apart they speak
of different things.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a match: places in a field of the paper, categories, or related words.

    `strength` orders evidence of the same paper: a phrase in the title before one in the abstract,
    a whole phrase before its words apart.
    """

    strength: int
    field: str = ""
    text: FieldIndex | None = None
    spans: tuple[Span, ...] = ()
    times: int = 1
    categories: tuple[str, ...] = ()
    related: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Words that it covers."""
        return sum(end - start for start, end in self.spans)

    def wordings(self) -> tuple[str, ...]:
        """What the paper says at those places, each wording once."""
        if self.text is None:
            return ()
        return tuple(dict.fromkeys(map(self.text.surface, self.spans)))

    def is_called(self, name: str) -> bool:
        """Whether the paper says nothing but the given name, give or take endings and hyphens."""
        wanted = "".join(map(stem, phrase_words(name)))
        return {"".join(map(stem, phrase_words(wording))) for wording in self.wordings()} == {
            wanted
        }


NO_EVIDENCE = Evidence(0)


def find_evidence(typed: Sequence[str], index: PaperIndex, archive: ArchiveStatistics) -> Evidence:
    """The strongest evidence for a phrase, given as words."""
    alone = len(typed) == 1
    spans = index.title.spelled(typed) if alone else index.title.stemmed(typed)
    if spans:
        return Evidence(TITLE_PHRASE, "title", index.title, (spans[0],))
    spans = index.abstract.spelled(typed) if alone else index.abstract.stemmed(typed)
    if spans:
        return Evidence(
            ABSTRACT_PHRASE + min(len(spans), 9),
            "abstract",
            index.abstract,
            (spans[0],),
            len(spans),
        )
    return _akin(typed, index) if alone else _scattered(typed, index, archive)


def _akin(typed: Sequence[str], index: PaperIndex) -> Evidence:
    """Words with the stem of a single one: "interpretable" for "interpretability", but
    "adaptive" for "adapter" too, so they say less.
    """
    for name, field, strength in (
        ("title", index.title, TITLE_WORDS),
        ("abstract", index.abstract, ABSTRACT_WORDS),
    ):
        if spans := field.stemmed(typed):
            return Evidence(
                strength, name, field, (spans[0],), len(spans) if name == "abstract" else 1
            )
    return NO_EVIDENCE


def _scattered(typed: Sequence[str], index: PaperIndex, archive: ArchiveStatistics) -> Evidence:
    """The words of a phrase apart from each other: most of their weight must be in one field."""
    weights = {
        one: archive.weight(one) for one in (stem(word) for word in typed if word not in STOP_WORDS)
    }
    whole = sum(weights.values())
    if len(weights) < 2:
        return NO_EVIDENCE
    for name, field, strength in (
        ("title", index.title, TITLE_WORDS),
        ("abstract", index.abstract, ABSTRACT_WORDS),
    ):
        found = [one for one in weights if field.has_stem(one)]
        if sum(weights[one] for one in found) >= ENOUGH_WORDS * whole:
            spans = field.closest(found)
            if name == "title" or spans[-1][1] - spans[0][0] <= TOGETHER:
                return Evidence(strength, name, field, spans)
    return NO_EVIDENCE
