"""Where words and phrases stand in titles and abstracts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

from newsletter.ranking.text import (
    STOP_WORDS,
    drop_empty,
    grams,
    is_hyphen,
    normal_form,
    number_forms,
    sequences,
    split_words,
    stem,
    words,
)

Span = tuple[int, int]
"""Half-open range of places of words."""

_Places = Mapping[str, Sequence[int]]
_Forms = Callable[[str], Collection[str]]


class FieldIndex:
    """One text with its words in order, found by spelling or by stem.

    `written` has the words as they are written, `gaps` what stands before, between and after them,
    `words` their normal forms. A hyphenated pair ("fine-tuning") is also found as one word
    ("finetuning").
    """

    def __init__(self, text: str) -> None:
        self.written, self.gaps = split_words(text)
        self.words: list[str] = list(map(normal_form, self.written))
        if "" in self.words:
            self.written, self.gaps = drop_empty(self.written, self.gaps)
            self.words = list(map(normal_form, self.written))
        self.stems: list[str] = list(map(stem, self.words))
        self._pairs = [place for place, gap in enumerate(self.gaps[1:-1]) if is_hyphen(gap)]
        """Where hyphenated pairs begin."""

    @cached_property
    def _by_word(self) -> _Places:
        return _places(enumerate(self.words))

    @cached_property
    def _by_stem(self) -> _Places:
        return _places(enumerate(self.stems))

    @cached_property
    def _pair_by_word(self) -> _Places:
        return _places((at, self.words[at] + self.words[at + 1]) for at in self._pairs)

    @cached_property
    def _pair_by_stem(self) -> _Places:
        return _places((at, stem(self.words[at] + self.words[at + 1])) for at in self._pairs)

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
        pairs = zip(self.words, self.stems, strict=True)
        return grams([one for word, one in pairs if word not in STOP_WORDS])

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
        first, end = span
        rest = zip(self.gaps[first + 1 : end], self.written[first + 1 : end], strict=True)
        return "".join((self.written[first], *(gap + word for gap, word in rest)))


def _places(entries: Iterable[tuple[int, str]]) -> _Places:
    """The places of each word, in order."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place, word in entries:
        found[word].append(place)
    return found


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
            for place, one in enumerate(field.stems):
                spelling.setdefault(one, field.written[place])
        return spelling


@lru_cache(maxsize=1 << 14)
def phrase_words(phrase: str) -> tuple[str, ...]:
    """A typed phrase as words; empty when it has none ("???")."""
    return tuple(words(phrase))
