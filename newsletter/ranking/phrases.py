"""Where words and phrases stand in titles and abstracts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache

from newsletter.ranking.text import (
    STOP_WORDS,
    Token,
    grams,
    number_forms,
    sequences,
    stem,
    tokens,
    words,
)

Span = tuple[int, int]
"""Half-open range of token places."""

_Places = Mapping[str, Sequence[int]]
_Forms = Callable[[str], Collection[str]]


class FieldIndex:
    """One text with its words in order, found by spelling or by stem.

    A hyphenated pair ("fine-tuning") is also found as one word ("finetuning").
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = tokens(text)
        self.stems: list[str] = [stem(token.word) for token in self.tokens]
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[int]] = defaultdict(list)
        self._pair_by_word: defaultdict[str, list[int]] = defaultdict(list)
        self._pair_by_stem: defaultdict[str, list[int]] = defaultdict(list)
        for place, token in enumerate(self.tokens):
            self._by_word[token.word].append(place)
            self._by_stem[self.stems[place]].append(place)
            if token.joined:
                pair = self.tokens[place - 1].word + token.word
                self._pair_by_word[pair].append(place - 1)
                self._pair_by_stem[stem(pair)].append(place - 1)

    def spelled(self, phrase: Sequence[str]) -> list[Span]:
        """Where the phrase stands, word for word, in singular or plural."""
        return _stands(phrase, self._by_word, self._pair_by_word, number_forms)

    def stemmed(self, phrase: Sequence[str]) -> list[Span]:
        """Where the phrase stands when only stems are compared."""
        return _stands(phrase, self._by_stem, self._pair_by_stem, lambda word: (stem(word),))

    def has_stem(self, one: str) -> bool:
        return one in self._by_stem or one in self._pair_by_stem

    @cached_property
    def terms(self) -> list[str]:
        """What `text.terms` gives for the text."""
        pairs = zip(self.tokens, self.stems, strict=True)
        return grams([one for token, one in pairs if token.word not in STOP_WORDS])

    def closest(self, stems: Collection[str]) -> tuple[Span, ...]:
        """One place of each of the stems, which the text has, where they stand closest together;
        the first such places.
        """
        standing = sorted(
            (place, length, one)
            for one in stems
            for length, places in (
                (1, self._by_stem.get(one, ())),
                (2, self._pair_by_stem.get(one, ())),
            )
            for place in places
        )
        last: dict[str, Span] = {}
        best: tuple[Span, ...] = ()
        for place, length, one in standing:
            last[one] = (place, place + length)
            if len(last) == len(stems) and (not best or _reach(last.values()) < _reach(best)):
                best = tuple(sorted(last.values()))
        return best

    def all_stems(self) -> set[str]:
        return self._by_stem.keys() | self._pair_by_stem.keys()

    def surface(self, span: Span) -> str:
        """The original wording of a span."""
        return self.text[self.tokens[span[0]].start : self.tokens[span[1] - 1].end]


def _stands(phrase: Sequence[str], single: _Places, pair: _Places, forms: _Forms) -> list[Span]:
    spans: set[Span] = set()
    for sequence in sequences(phrase) if phrase else ():
        spans |= _follow(sequence, single, pair, forms)
    return sorted(spans)


def _follow(sequence: Sequence[str], single: _Places, pair: _Places, forms: _Forms) -> set[Span]:
    spans: set[Span] | None = None
    for word in sequence:
        here = {
            (place, place + length)
            for places, length in ((single, 1), (pair, 2))
            for form in forms(word)
            for place in places.get(form, ())
        }
        if spans is None:
            spans = here
        else:
            ends: defaultdict[int, list[int]] = defaultdict(list)
            for start, end in spans:
                ends[end].append(start)
            spans = {(start, last) for first, last in here for start in ends.get(first, ())}
        if not spans:
            break
    return spans or set()


def _reach(spans: Collection[Span]) -> int:
    """Number of words from the first span's beginning to the last one's end."""
    return max(end for _, end in spans) - min(start for start, _ in spans)


class PaperIndex:
    """A paper's title and abstract, ready to be searched."""

    def __init__(self, title: str, abstract: str) -> None:
        self.title = FieldIndex(title)
        self.abstract = FieldIndex(abstract)

    @cached_property
    def stems(self) -> frozenset[str]:
        """All stems of the paper, and those of hyphenated pairs read as one word."""
        return frozenset(self.title.all_stems() | self.abstract.all_stems())

    @cached_property
    def spelling(self) -> dict[str, str]:
        """How the paper first spells each stem."""
        spelling: dict[str, str] = {}
        for field in (self.title, self.abstract):
            for one, token in zip(field.stems, field.tokens, strict=True):
                spelling.setdefault(one, field.text[token.start : token.end])
        return spelling


@lru_cache(maxsize=1 << 14)
def phrase_words(phrase: str) -> tuple[str, ...]:
    """A typed phrase as words; empty when it has none ("???")."""
    return tuple(words(phrase))
