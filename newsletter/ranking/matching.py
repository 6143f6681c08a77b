"""How strongly each paper is on topics and typed phrases: many at once.

`evidence` says for one phrase and one paper what speaks for a match; here the same is worked out
for all papers from the positional index.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.evidence import ENOUGH_WORDS, TOGETHER
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.phrases import phrase_words
from newsletter.ranking.positions import Places, PositionalIndex, Spans, ranges
from newsletter.ranking.text import STOP_WORDS, stem
from newsletter.ranking.vectors import (
    Floats,
    Singles,
    WordVectors,
    products,
    products_of,
    starts_of,
    top_of_rows,
)

CATEGORY = 0.3
BEST_BY_WORDS = 10
BEST_BY_PLACE = 20
LIKE_THE_BEST = 2.0
MEANING = 4.0
SURE = 2.0
"""A best match this strong lets the papers like it count in full."""
FULL = 8.0
"""Raw score that gives a match of 1000."""
RELATED = 3.2
RELATED_IN_CATEGORY = 2.4
WORDS_APART = 2.4
"""Raw scores from which a paper without the phrase itself is taken to be on the topic: by nearness
alone, in one of the topic's categories, or with the words of the phrase apart from each other."""

BINDING = 10
"""Papers that must share a longer phrase before a word in it counts half as bound."""
MOST_COUNTED = 4
"""Places in an abstract that a phrase is counted at."""

CELLS = 1 << 18
"""Scores of wordings and papers that are worked on together: 2 MB in double precision."""

Scores = NDArray[np.int16]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sought:
    """What papers are matched with: the wordings of a phrase or topic, of which the best counts.

    `context` is added to every paper's raw score. `filed` marks the papers in one of a topic's
    categories.
    """

    wordings: tuple[str, ...]
    context: Floats | None = None
    filed: Flags | None = None


class Matcher:
    """Matches what is sought with the papers of an edition.

    Whatever else is matched with it, a phrase gets the same scores: sparse sums go row by row, and
    dense ones are over `grained` values.
    """

    def __init__(
        self,
        index: PositionalIndex,
        shared: NDArray[np.uint16],
        vectors: WordVectors,
        meanings: Meanings | None,
        meant: Singles | None,
    ) -> None:
        """`shared` is what `set_phrases` gives; `meant`, `grained`, where a model places the
        papers, if one does.
        """
        self.index = index
        self.vectors = vectors
        self.meanings = meanings
        self.meant = meant
        self.shared = shared

    def matches(self, sought: Sequence[Sought]) -> Iterator[tuple[Scores, Flags]]:
        """Scores of every paper, 0 to 1000, and which papers are on what is sought: a row of each
        for everything sought, in blocks.
        """
        block: list[Sought] = []
        room = most = max(1, CELLS // max(self.index.papers, 1))
        for one in sought:
            if block and len(one.wordings) > room:
                yield self._matched(block)
                block, room = [], most
            block.append(one)
            room -= len(one.wordings)
        if block:
            yield self._matched(block)

    def _matched(self, block: Sequence[Sought]) -> tuple[Scores, Flags]:
        wordings = _Wordings.of(block)
        presence = self._presence(self.index.stemmed(wordings.typed))
        raw = self._with_the_like(self._base(wordings, presence, block))
        on = self._on(wordings, presence, raw, block)
        return np.rint(1000 * np.clip(raw / FULL, 0, 1)).astype(np.int16), on

    def _base(
        self, wordings: "_Wordings", presence: "_Presence", block: Sequence[Sought]
    ) -> Floats:
        """BM25 by words, presence of the whole phrase, and nearness in the latent space."""
        base = self.vectors.coverage(wordings.texts)
        base += products(self.vectors.queries(wordings.texts), self.vectors.latent)
        base[presence.rows, presence.papers] += presence.values
        self._add_meaning(base, wordings.texts)
        best = np.maximum(np.maximum.reduceat(base[wordings.rows], wordings.firsts), 0.0)
        for row, one in enumerate(block):
            if one.context is not None:
                best[row] += one.context
            if one.filed is not None:
                best[row] += CATEGORY * one.filed
        return np.asarray(best)

    def _add_meaning(self, base: Floats, texts: Sequence[str]) -> None:
        """Add how near the papers are to the texts in the model's space, less what all papers
        are.
        """
        if self.meanings is None or self.meant is None:
            return
        placed = self.meant.any(axis=1)
        for row, text in enumerate(texts):
            asked = self.meanings.phrase(text)
            if asked is not None and placed.any():
                (near,) = products(asked[None].astype(np.float64), self.meant)
                base[row] += np.where(placed, MEANING * (near - near[placed].mean()), 0.0)

    def _with_the_like(self, base: Floats) -> Floats:
        """Add how like the best matches each paper is (pseudo-relevance feedback, Rocchio 1971).

        The best weigh by the square of their scores. Where even the best match is weak, there is
        nothing to learn from, and little is added.
        """
        if not base.size:
            return base
        best = np.maximum(base.max(axis=1), 0.0)
        trust = LIKE_THE_BEST * np.minimum(1.0, best / SURE)
        rows, papers, ranks = top_of_rows(base, BEST_BY_PLACE)
        top = ranks < BEST_BY_WORDS
        near = self._like_by_words(_weights(base, rows[top], papers[top]))
        near += self._like_by_place(_weights(base, rows, papers))
        near *= trust[:, None]
        near += base
        return near

    def _like_by_words(self, weights: sparse.csr_array) -> Floats:
        """Cosine of each paper with the weighted middles of some, by their words."""
        middle = sparse.csr_array(weights @ self.vectors.words)
        lengths = np.sqrt(np.maximum((middle * middle).sum(axis=1), 1e-9))
        return products_of(self.vectors.words, sparse.diags_array(1 / lengths) @ middle)

    def _like_by_place(self, weights: sparse.csr_array) -> Floats:
        """Cosine of each paper with the weighted middles of some, by what they are about: in the
        model's space if there is one, else the latent one.
        """
        places = self.vectors.latent if self.meant is None else self.meant
        middle = np.asarray(weights @ places.astype(np.float64))
        lengths = np.sqrt(np.maximum((middle * middle).sum(axis=1), 1e-9))
        return products(middle / lengths[:, None], places)

    def _on(
        self,
        wordings: "_Wordings",
        presence: "_Presence",
        raw: Floats,
        block: Sequence[Sought],
    ) -> Flags:
        """Which papers are on what is sought."""
        shape = (len(wordings.typed), raw.shape[1])
        single = np.array([len(typed) == 1 for typed in wordings.typed], bool)
        whole, akin = np.zeros(shape, bool), np.zeros(shape, bool)
        stands = np.zeros(shape, bool)
        stands[presence.rows, presence.papers] = True
        whole[~single] = stands[~single]
        akin[single] = stands[single]
        alone = np.flatnonzero(single)
        spelled = self.index.spelled([wordings.typed[row] for row in alone.tolist()])
        papers = self.index.field_of(spelled.start) // 2
        whole[alone[spelled.row], papers] = stands[alone[spelled.row], papers]
        on = wordings.any_of(whole) | (raw >= RELATED)
        on |= wordings.any_of(akin) & (raw >= WORDS_APART)
        for row, one in enumerate(block):
            if one.filed is not None:
                on[row] |= one.filed & (raw[row] >= RELATED_IN_CATEGORY)
        self._add_words_apart(on, wordings, raw)
        return np.asarray(on)

    def _add_words_apart(self, on: Flags, wordings: "_Wordings", raw: Floats) -> None:
        """Add the papers that are near and have the words of a phrase apart from each other."""
        sought, papers = np.nonzero((raw >= WORDS_APART) & ~on)
        places, owners = wordings.of_sought(sought)
        phrases = _Apart.of(wordings.typed, self.index, self.vectors)
        kept = phrases.enough[wordings.rows[places]]
        rows, papers = wordings.rows[places][kept], papers[owners][kept]
        stands = phrases.stand(rows, papers)
        on[sought[owners][kept][stands], papers[stands]] = True

    def _presence(self, spans: Spans) -> "_Presence":
        """How much each whole phrase speaks for each paper that has it, up to 2.5.

        Title before abstract, more places before fewer, and places where the phrase stands for
        itself before those inside a longer set phrase ("retrieval" in "retrieval-augmented
        generation").
        """
        fields = self.index.field_of(spans.start)
        papers, title = fields // 2, fields % 2 == 0
        shared = np.maximum(self.shared[spans.start - 1], self.shared[spans.end - 1])
        free = 1.0 - shared / (shared + np.float64(BINDING))
        pairs = _Runs.of(spans.row * self.index.papers + papers)
        in_field = _Runs.of(spans.row * len(self.index.starts) + fields)
        counted = title | (np.arange(len(fields)) - in_field.first[in_field.of_each] < MOST_COUNTED)
        titles = np.bincount(pairs.of_each, title)
        abstracts = np.bincount(pairs.of_each, ~title)
        total = np.bincount(pairs.of_each, np.where(counted, free, 0.0))
        most = np.zeros(0)
        if len(fields):
            most = np.maximum.reduceat(np.where(title, free, 0.0), pairs.first)
        in_abstract = np.where(abstracts > 0, 0.6 + 0.1 * (abstracts > 1), 0.0)
        where = np.where(titles > 0, 1.0, in_abstract)
        both = 0.2 * ((titles > 0) & (abstracts > 0))
        values = where + both + 0.5 * most + 0.2 * np.minimum(total, 3.0)
        return _Presence(spans.row[pairs.first], papers[pairs.first], values)


class _Presence(NamedTuple):
    """Phrases in papers, each pair once, and how much they speak for them."""

    rows: Places
    papers: Places
    values: Floats


class _Runs(NamedTuple):
    """Runs of equal keys: where each begins, and which one each key belongs to."""

    first: Places
    of_each: Places

    @classmethod
    def of(cls, keys: Places) -> "_Runs":
        begins = np.diff(keys, prepend=-1) != 0
        return cls(np.flatnonzero(begins), np.cumsum(begins) - 1)


class _Wordings(NamedTuple):
    """The different wordings of a block, and which of them everything sought has.

    `rows` are places in `texts`, one list after the other; those of the first thing sought begin at
    firsts[0].
    """

    texts: list[str]
    typed: list[tuple[str, ...]]
    rows: Places
    firsts: Places

    @classmethod
    def of(cls, block: Sequence[Sought]) -> "_Wordings":
        texts = list(dict.fromkeys(chain.from_iterable(one.wordings for one in block)))
        rows = {text: row for row, text in enumerate(texts)}
        lengths = np.array([len(one.wordings) for one in block])
        return cls(
            texts,
            [phrase_words(text) for text in texts],
            np.array([rows[text] for one in block for text in one.wordings], np.intp),
            np.cumsum(lengths) - lengths,
        )

    def any_of(self, flags: Flags) -> Flags:
        """Flags of everything sought: whether any of its wordings has it."""
        return np.asarray(np.logical_or.reduceat(flags[self.rows], self.firsts))

    def of_sought(self, sought: Places) -> tuple[Places, Places]:
        """The places in `rows` of what is sought, joined, and for each the place in `sought`."""
        lengths = np.diff(np.append(self.firsts, len(self.rows)))
        return ranges(self.firsts[sought], lengths[sought])


@dataclass(frozen=True, eq=False)
class _Apart:
    """Phrases whose words may stand apart, as `evidence.find_evidence` wants it.

    `stems` (phrases, words) has the numbers of their stems, each once, `_NONE` where there is none;
    `weights`, same shape, their weights. `enough` says which phrases have two stems or more.
    """

    index: PositionalIndex
    stems: NDArray[np.int32]
    weights: Floats
    needed: Floats
    enough: Flags

    @classmethod
    def of(
        cls, phrases: Sequence[Sequence[str]], index: PositionalIndex, vectors: WordVectors
    ) -> "_Apart":
        asked = [
            {one: vectors.archive.weight(one) for one in map(stem, phrase)}
            for phrase in ([word for word in typed if word not in STOP_WORDS] for typed in phrases)
        ]
        shape = (len(asked), max(map(len, asked), default=0))
        stems, weights = np.full(shape, _NONE, np.int32), np.zeros(shape)
        for row, found in enumerate(asked):
            stems[row, : len(found)] = [index.stem_numbers.get(one, _NONE) for one in found]
            weights[row, : len(found)] = list(found.values())
        return cls(
            index,
            stems,
            weights,
            np.array([ENOUGH_WORDS * sum(found.values()) for found in asked]),
            np.array([len(found) > 1 for found in asked], bool),
        )

    def stand(self, rows: Places, papers: Places) -> Flags:
        """Whether the words of each phrase stand in each paper: in the title, or together in the
        abstract.
        """
        found = np.zeros(len(rows), bool)
        step = max(1, _POSITIONS * len(self.index.starts) // max(len(self.index.tokens), 1))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            found[part] = self._in_fields(rows[part], 2 * papers[part], together=False)
            left = np.flatnonzero(~found[part]) + start
            found[left] = self._in_fields(rows[left], 2 * papers[left] + 1, together=True)
        return found

    def _in_fields(self, rows: Places, fields: Places, *, together: bool) -> Flags:
        """Whether each field has most of its phrase's weight, anywhere or close together."""
        at = self._occurrences(rows, fields)
        has = np.zeros((len(rows), self.stems.shape[1]), bool)
        has[at.owners, at.columns] = True
        weight = np.zeros(len(rows))
        for column in range(has.shape[1]):  # one by one: the sum that `find_evidence` makes
            weight += np.where(has[:, column], self.weights[rows, column], 0.0)
        enough = (weight >= self.needed[rows]) & has.any(axis=1)
        return enough & (at.reach(has) <= TOGETHER) if together else enough

    def _occurrences(self, rows: Places, fields: Places) -> "_Occurrences":
        starts, pairs = self.index.starts, self.index.pairs
        position, owner = ranges(starts[fields], starts[fields + 1] - starts[fields])
        first, last = (
            np.searchsorted(pairs, starts[fields]),
            np.searchsorted(pairs, starts[fields + 1]),
        )
        pair, pair_owner = ranges(first, last - first)
        stems = self.index.stems_at(position)
        single_at, single = np.nonzero(stems[:, None] == self.stems[rows[owner]])
        pair_stems = self.index.stem_of[self.index.pair_words[pair]]
        pair_at, double = np.nonzero(pair_stems[:, None] == self.stems[rows[pair_owner]])
        owners = np.concatenate((owner[single_at], pair_owner[pair_at]))
        begins: Places = np.concatenate((position[single_at], pairs[pair[pair_at]]))
        lengths: Places = np.repeat(np.array([1, 2]), [len(single_at), len(pair_at)])
        order = np.lexsort((lengths, begins, owners))
        columns = np.concatenate((single, double))
        return _Occurrences(owners[order], begins[order], lengths[order], columns[order])


_NONE = -1
_POSITIONS = 1 << 18
"""About so many positions are looked at together."""


class _Occurrences(NamedTuple):
    """Where stems stand in fields: the owner is a field, the column a stem of its phrase. In the
    order of owners, places and lengths.
    """

    owners: Places
    begins: Places
    lengths: Places
    columns: Places

    def reach(self, has: Flags) -> Places:
        """For each owner the fewest words within which all stems that it `has` stand once."""
        places = np.arange(len(self.owners))
        last = np.full((len(places), has.shape[1]), -1)
        last[places, self.columns] = places
        last = np.maximum.accumulate(last, axis=0)
        first = np.searchsorted(self.owners, self.owners)
        wanted = has[self.owners]
        complete = ((last >= first[:, None]) | ~wanted).all(axis=1)
        far = np.iinfo(np.intp).max
        begins = np.where(wanted, self.begins[last], far).min(axis=1, initial=far)
        ends = np.where(wanted, self.begins[last] + self.lengths[last], -1).max(axis=1, initial=-1)
        closest = np.full(len(has), far)
        np.minimum.at(closest, self.owners[complete], (ends - begins)[complete])
        return closest


def _weights(base: Floats, rows: Places, papers: Places) -> sparse.csr_array:
    """The squares of some scores, each row's with the sum 1."""
    squares = base[rows, papers] ** 2
    sums = np.bincount(rows, squares, minlength=len(base))
    starts = starts_of(np.bincount(rows, minlength=len(base)))
    return sparse.csr_array((squares / sums[rows], papers, starts), shape=base.shape)
