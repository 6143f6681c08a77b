"""A positional index over the titles and abstracts of an edition: where every word stands.

`phrases.FieldIndex` says for one text what is meant by "a phrase stands there". This index gives
the same answers for all papers and many phrases at once, from arrays.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.text import (
    STOP_WORDS,
    drop_empty,
    is_hyphen,
    is_join,
    normal_form,
    number_forms,
    sequences,
    split_words,
    stem,
)

Places = NDArray[np.intp]
Numbers = NDArray[np.int32]
Phrase = Sequence[str]

_ABSENT = -1
"""Pads the slots of a phrase; no word has it."""
_NO_WORD = -2
"""The value of a position without a word; no slot has it."""


class Spans(NamedTuple):
    """Where phrases stand: the positions from `start` up to `end` belong to the phrase `row`.

    Sorted by row, start and end; each span once.
    """

    row: Places
    start: Places
    end: Places


@dataclass(frozen=True, eq=False)
class PositionalIndex:
    """The words of all titles and abstracts by position, one field after the other.

    Field 2p is the title of paper p, field 2p + 1 its abstract. `starts` has the first position of
    each field and, last, the number of positions. Every field ends with a position that has no
    word, so that nothing crosses from one field into the next.

    `tokens` has the number of the word at each position, len(words) for none; `stem_of` the number
    of each word's stem. Words and stems are numbered in their order. `pairs` has the positions
    where a hyphenated pair begins, in order, and `pair_words` the pairs read as one word.
    `touching` marks the positions that may form a set phrase with the next one: neither word is a
    stop word, and only a space or a hyphen stands between.
    """

    words: tuple[str, ...]
    stems: tuple[str, ...]
    stem_of: Numbers
    tokens: Numbers
    starts: Numbers
    pairs: Numbers
    pair_words: Numbers
    touching: NDArray[np.bool_]

    @classmethod
    def build(cls, texts: Iterable[tuple[str, str]]) -> "PositionalIndex":
        """Index (title, abstract) pairs."""
        reader = _Reader()
        for text in chain.from_iterable(texts):
            reader.read(text)
        return reader.index()

    def to_plain(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON-able data and arrays, for newsletter.ranking.packing."""
        return {"words": self.words, "stems": self.stems}, {
            "stem_of": smallest(self.stem_of),
            "tokens": smallest(self.tokens),
            "lengths": smallest(np.diff(self.starts)),
            "pairs": np.diff(self.pairs, prepend=np.int32(0)),
            "pair_words": smallest(self.pair_words),
            "touching": np.packbits(self.touching),
        }

    @classmethod
    def from_plain(
        cls, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "PositionalIndex":
        """What `to_plain` gave."""
        tokens = arrays["tokens"].astype(np.int32)
        return cls(
            tuple(data["words"]),
            tuple(data["stems"]),
            arrays["stem_of"].astype(np.int32),
            tokens,
            np.concatenate(([0], np.cumsum(arrays["lengths"], dtype=np.int32))),
            np.cumsum(arrays["pairs"], dtype=np.int32),
            arrays["pair_words"].astype(np.int32),
            np.unpackbits(arrays["touching"], count=len(tokens)).view(bool),
        )

    @property
    def papers(self) -> int:
        return len(self.starts) // 2

    def field_of(self, positions: Places) -> Places:
        """The field that each position belongs to."""
        return np.searchsorted(self.starts, positions, "right") - 1

    @property
    def token_stems(self) -> Numbers:
        """The number of the stem at each position, len(stems) for none."""
        return np.append(self.stem_of, np.int32(len(self.stems)))[self.tokens]

    def stems_at(self, positions: Places) -> Numbers:
        """The number of the stem at some positions; below zero where no word is."""
        return self._by_stem.of_word[self.tokens[positions]]

    @property
    def is_term(self) -> NDArray[np.bool_]:
        """Which positions have a word that is no stop word."""
        kept = [word not in STOP_WORDS for word in self.words]
        return np.array([*kept, False], bool)[self.tokens]

    @property
    def term_stems(self) -> list[str]:
        """The stems of all words that are no stop words."""
        return [self.stems[number] for number in np.unique(self.token_stems[self.is_term])]

    @cached_property
    def stem_numbers(self) -> dict[str, int]:
        return {one: number for number, one in enumerate(self.stems)}

    def stemmed(self, phrases: Sequence[Phrase]) -> Spans:
        """Where phrases stand when only stems are compared; a phrase is a list of words."""
        return self._find(phrases, self._by_stem, self._stem_slot)

    def spelled(self, phrases: Sequence[Phrase]) -> Spans:
        """Where phrases stand word for word, in singular or plural."""
        return self._find(phrases, self._by_word, self._word_slot)

    def _stem_slot(self, word: str) -> tuple[int, ...]:
        number = self.stem_numbers.get(stem(word))
        return () if number is None else (number,)

    def _word_slot(self, word: str) -> tuple[int, ...]:
        forms = number_forms(word)
        return tuple(self._word_numbers[form] for form in forms if form in self._word_numbers)

    @cached_property
    def _word_numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def _by_word(self) -> "_Values":
        numbers = np.arange(len(self.words), dtype=np.int32)
        return _Values.of(numbers, len(self.words), self.tokens, self.pair_words)

    @cached_property
    def _by_stem(self) -> "_Values":
        return _Values.of(self.stem_of, len(self.stems), self.tokens, self.pair_words)

    def _find(
        self,
        phrases: Sequence[Phrase],
        values: "_Values",
        slot_of: Callable[[str], tuple[int, ...]],
    ) -> Spans:
        """Spans of all phrases: every occurrence of the rarest word of a phrase is extended word
        by word to the phrase's end, then to its beginning.
        """
        wanted = _Wanted.of(phrases, slot_of)
        if not len(wanted.rows):
            return Spans(*(np.zeros(0, np.intp) for _ in Spans._fields))
        rarest = values.occurrences(wanted.slots)
        rarest[np.arange(rarest.shape[1]) >= wanted.lengths[:, None]] = np.iinfo(np.intp).max
        anchors = rarest.argmin(axis=1)
        found = self._occurrences(wanted, anchors, values)
        for step in range(1, int((wanted.lengths - anchors).max())):
            found = self._extended(found, anchors + step, wanted, values, forwards=True)
        for step in range(1, int(anchors.max()) + 1):
            found = self._extended(found, anchors - step, wanted, values, forwards=False)
        return _unique(wanted.rows[found.row], found.start, found.end, len(self.tokens))

    def _occurrences(self, wanted: "_Wanted", anchors: Places, values: "_Values") -> Spans:
        """Where the words at `anchors` stand; `row` is a row of `wanted`."""
        sought = wanted.slots[np.arange(len(anchors)), anchors]
        rows, forms = np.nonzero(sought != _ABSENT)
        numbers = sought[rows, forms]
        single, at = values.single.take(numbers)
        pair, pair_at = values.pair.take(numbers)
        begins = self.pairs[pair].astype(np.intp)
        return Spans(
            np.concatenate((rows[at], rows[pair_at])),
            np.concatenate((single, begins)),
            np.concatenate((single + 1, begins + 2)),
        )

    def _extended(
        self,
        found: Spans,
        slots: Places,
        wanted: "_Wanted",
        values: "_Values",
        *,
        forwards: bool,
    ) -> Spans:
        """The spans with one word more, where a sequence has a slot at `slots`; others as they
        are.
        """
        row, start, end = found
        has_more = (slots[row] >= 0) & (slots[row] < wanted.lengths[row])
        going = np.flatnonzero(has_more)
        sought = wanted.slots[row[going], slots[row[going]]]
        beside = end[going] if forwards else start[going] - 1
        one = going[_equals_any(values.of_word[self.tokens[beside]], sought)]
        two = going[self._is_pair(end[going] if forwards else start[going] - 2, sought, values)]
        kept = np.concatenate((np.flatnonzero(~has_more), one, two))
        grown = np.repeat([0, 1, 2], [len(kept) - len(one) - len(two), len(one), len(two)])
        if forwards:
            return Spans(row[kept], start[kept], end[kept] + grown)
        return Spans(row[kept], start[kept] - grown, end[kept])

    def _is_pair(
        self, begins: Places, sought: NDArray[np.int32], values: "_Values"
    ) -> NDArray[np.bool_]:
        """Whether a hyphenated pair with one of the sought values begins at each position."""
        if not len(self.pairs):
            return np.zeros(len(begins), bool)
        at = np.minimum(np.searchsorted(self.pairs, begins), len(self.pairs) - 1)
        return np.asarray((self.pairs[at] == begins) & _equals_any(values.of_pair[at], sought))


class _Lists(NamedTuple):
    """Lists of numbers, one after the other: list k is values[starts[k] : starts[k + 1]]."""

    starts: Places
    values: Numbers

    @classmethod
    def by_key(cls, keys: Numbers, size: int) -> "_Lists":
        """For each key from 0 up to `size` the places where `keys` has it, in order; other keys
        are left out.
        """
        places = np.flatnonzero((keys >= 0) & (keys < size))
        order = np.argsort(keys[places], kind="stable")
        counts = np.bincount(keys[places], minlength=size)
        starts = np.concatenate(([0], np.cumsum(counts))).astype(np.intp)
        return cls(starts, places[order].astype(np.int32))

    def lengths(self, keys: NDArray[Any]) -> Places:
        """The length of each list, 0 for `_ABSENT`."""
        return np.where(keys == _ABSENT, 0, self.starts[keys + 1] - self.starts[keys])

    def take(self, keys: NDArray[Any]) -> tuple[Places, Places]:
        """The lists of some keys, joined, and for each value the place of its key in `keys`."""
        at, owners = ranges(self.starts[keys], self.lengths(keys))
        return self.values[at].astype(np.intp), owners


class _Values(NamedTuple):
    """Words under the values that a phrase is compared by: their own numbers or their stems'.

    `of_word` has the value of each word and, last, `_NO_WORD`; `single` the positions of each
    value. `of_pair` has the value of each hyphenated pair, `pair` the places in
    `PositionalIndex.pairs` of each value.
    """

    of_word: Numbers
    single: _Lists
    of_pair: Numbers
    pair: _Lists

    @classmethod
    def of(cls, numbers: Numbers, size: int, tokens: Numbers, pair_words: Numbers) -> "_Values":
        of_word = np.append(numbers, np.int32(_NO_WORD))
        of_pair = of_word[pair_words]
        return cls(
            of_word,
            _Lists.by_key(of_word[tokens], size),
            of_pair,
            _Lists.by_key(of_pair, size),
        )

    def occurrences(self, slots: NDArray[np.int32]) -> Places:
        """How often each slot's words occur, alone or as a pair."""
        each = self.single.lengths(slots) + self.pair.lengths(slots)
        return np.asarray(each.sum(axis=-1))


class _Wanted(NamedTuple):
    """Sequences of words to be found. `rows` are the places of their phrases, `slots` int32
    (sequences, words, values) what may stand for each word, padded with `_ABSENT`.
    """

    rows: Places
    slots: NDArray[np.int32]
    lengths: Places

    @classmethod
    def of(cls, phrases: Sequence[Phrase], slot_of: Callable[[str], tuple[int, ...]]) -> "_Wanted":
        """All sequences of the phrases of which every word occurs."""
        rows: list[int] = []
        found: list[list[tuple[int, ...]]] = []
        for row, phrase in enumerate(phrases):
            for sequence in sequences(phrase) if phrase else ():
                slots = [slot_of(word) for word in sequence]
                if all(slots):
                    rows.append(row)
                    found.append(slots)
        lengths = np.array([len(slots) for slots in found], np.intp)
        most = max((len(slot) for slots in found for slot in slots), default=1)
        table = np.full((len(found), int(lengths.max(initial=1)), most), _ABSENT, np.int32)
        for row, slots in enumerate(found):
            for place, slot in enumerate(slots):
                table[row, place, : len(slot)] = slot
        return cls(np.array(rows, np.intp), table, lengths)


def smallest(numbers: NDArray[Any]) -> NDArray[Any]:
    """Numbers from 0 up in the smallest type that holds them all."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def ranges(starts: NDArray[Any], lengths: NDArray[Any]) -> tuple[Places, Places]:
    """The numbers from each start on, as many as its length, joined; and for each number the place
    of its range.
    """
    owners = np.repeat(np.arange(len(starts)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(len(owners)) + np.repeat(starts - before, lengths), owners


def _equals_any(values: NDArray[np.int32], sought: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each value is one of its row of `sought`."""
    return np.asarray((values[:, None] == sought).any(axis=1))


def _unique(row: Places, start: Places, end: Places, positions: int) -> Spans:
    longest = int((end - start).max(initial=0)) + 1
    keys = np.unique((row * positions + start) * longest + (end - start))
    places, lengths = np.divmod(keys, longest)
    rows, starts = np.divmod(places, max(positions, 1))
    return Spans(rows, starts, starts + lengths)


class _Reader:
    """Reads texts field by field and makes an index of them."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.written = _Written(self.numbers)
        self.kinds = _Kinds()
        self.tokens = array("i")
        self.starts = array("i", [0])
        self.gaps = bytearray()

    def read(self, text: str) -> None:
        written, gaps = split_words(text)
        numbers = array("i", map(self.written.__getitem__, written))
        if _DROPPED in numbers:
            written, gaps = drop_empty(written, gaps)
            numbers = array("i", map(self.written.__getitem__, written))
        self.tokens += numbers
        self.tokens.append(_DROPPED)
        self.starts.append(len(self.tokens))
        self.gaps += bytes(map(self.kinds.__getitem__, gaps[1:-1]))
        self.gaps += bytes(2 if numbers else 1)

    def index(self) -> PositionalIndex:
        read, gaps = np.frombuffer(self.tokens, np.int32), np.frombuffer(self.gaps, np.uint8)
        pairs = np.flatnonzero(gaps & _HYPHEN).astype(np.int32)
        known = list(self.numbers)
        together = [
            known[one] + known[two]
            for one, two in zip(read[pairs].tolist(), read[pairs + 1].tolist(), strict=True)
        ]
        words = sorted({*known, *together})
        places = {word: place for place, word in enumerate(words)}
        renumbered = np.array([*(places[word] for word in known), len(words)], np.int32)
        stem_list = [stem(word) for word in words]
        stems = sorted(set(stem_list))
        numbers = {one: number for number, one in enumerate(stems)}
        tokens = renumbered[read]
        terms = np.array([*(word not in STOP_WORDS for word in words), False], bool)[tokens]
        touching = (gaps & _JOIN).astype(bool) & terms
        touching[:-1] &= terms[1:]
        return PositionalIndex(
            tuple(words),
            tuple(stems),
            np.array([numbers[one] for one in stem_list], np.int32),
            tokens,
            np.array(self.starts, np.int32),
            pairs,
            np.array([places[one] for one in together], np.int32),
            touching,
        )


_DROPPED = -1
"""The number of what looks like a word and has no normal form."""
_JOIN, _HYPHEN = 1, 2


class _Written(dict[str, int]):
    """The number of a word by how it is written, worked out once."""

    def __init__(self, numbers: dict[str, int]) -> None:
        super().__init__()
        self._numbers = numbers

    def __missing__(self, written: str) -> int:
        word = normal_form(written)
        number = self._numbers.setdefault(word, len(self._numbers)) if word else _DROPPED
        self[written] = number
        return number


class _Kinds(dict[str, int]):
    """What kind of gap stands between two words: `_JOIN`, `_HYPHEN`, both or none."""

    def __missing__(self, gap: str) -> int:
        kind = self[gap] = _JOIN * is_join(gap) | _HYPHEN * is_hyphen(gap)
        return kind
