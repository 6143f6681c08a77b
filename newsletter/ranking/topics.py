"""How strongly each paper is on a topic, or on a phrase that a reader typed."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.evidence import (
    ABSTRACT_PHRASE,
    NO_EVIDENCE,
    Evidence,
    find_evidence,
    presence,
)
from newsletter.ranking.grounds import Grounds
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.memory import Memory
from newsletter.ranking.phrases import PaperIndex, phrase_words
from newsletter.ranking.text import STOP_WORDS, sequences, stem, terms
from newsletter.ranking.values import CandidatePaper, TopicDefinition
from newsletter.ranking.vectors import Floats, PaperVectors, unit

CONTEXT = 0.6
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
CHILD_SHARE = 0.9
SHOWN = 2

Scores = NDArray[np.int16]


class Match(NamedTuple):
    """`scores` of every paper, 0 to 1000, and which papers are `on` the topic; in the papers'
    order, a row each for several topics.
    """

    scores: Scores
    on: NDArray[np.bool_]

    @property
    def counted(self) -> Scores:
        """The scores of papers on the topic, 0 for the others."""
        return np.where(self.on, np.maximum(self.scores, 1), 0).astype(np.int16)


ASKED_KEPT = 2_000
"""Phrases whose latent place is remembered, a kilobyte each."""


class Library:
    """The papers of an edition, indexed for phrases, with what the archive knows of their words."""

    def __init__(
        self,
        papers: Sequence[CandidatePaper],
        archive: ArchiveStatistics,
        index: Callable[[str, str], PaperIndex] = PaperIndex,
        meanings: Meanings | None = None,
    ) -> None:
        """`index` makes the index of a title and an abstract, or remembers it from another
        library.
        """
        self.papers = tuple(papers)
        self.archive = archive
        self.meanings = meanings
        self._index = index
        self._wordings: dict[str, tuple[str, ...]] = {}
        self._families: dict[TopicDefinition, list[int]] = {}
        self._spellings: dict[int, dict[str, str]] = {}
        self._asked = Memory(ASKED_KEPT)

    def narrowed(self, topics: Sequence[TopicDefinition]) -> "Library":
        """The same papers with what of the archive concerns them and the topics: all that has to
        be kept with an edition.
        """
        asked = chain.from_iterable(map(topic_phrases, topics))
        fields = chain.from_iterable((index.title, index.abstract) for index in self.indexes)
        wanted = set(
            chain.from_iterable(chain(map(terms, asked), (field.terms for field in fields)))
        )
        narrow = Library(self.papers, self.archive.narrowed(wanted), self._index, self.meanings)
        narrow.indexes = self.indexes
        return narrow

    @cached_property
    def indexes(self) -> list[PaperIndex]:
        return [self._index(paper.title, paper.abstract) for paper in self.papers]

    @cached_property
    def vectors(self) -> PaperVectors:
        return PaperVectors(self.indexes, self.archive)

    @cached_property
    def holders(self) -> dict[str, set[int]]:
        """For each stem the places of the papers that have it."""
        holders: defaultdict[str, set[int]] = defaultdict(set)
        for place, index in enumerate(self.indexes):
            for field in (index.title, index.abstract):
                for one in field.all_stems():
                    holders[one].add(place)
        return dict(holders)

    @cached_property
    def by_words(self) -> Floats:
        """Cosine of every pair of papers by their words."""
        words = self.vectors.words
        return np.asarray((words @ words.T).toarray())

    @cached_property
    def by_place(self) -> Floats:
        """Cosine of every pair of papers by what they are about: in the model's space if there
        is one, else the latent one.
        """
        places = self.vectors.latent if self.meant is None else self.meant
        return np.asarray(places @ places.T)

    @cached_property
    def meant(self) -> Floats | None:
        """Where a sentence-embedding model places the papers; None without one, or while it has
        placed none of them.
        """
        return (
            self.meanings.table([paper.id for paper in self.papers])
            if self.meanings and self.meanings.papers
            else None
        )

    def phrase_match(self, phrase: str) -> Match:
        """Match of a typed phrase with every paper."""
        phrases = self._worded((phrase,))
        return self._match(phrases, self._best_base(phrases), np.zeros(len(self.papers), bool))

    def topic_match(self, topic: TopicDefinition, topics: Sequence[TopicDefinition]) -> Match:
        """Match of a topic with every paper; `topics` are all that are on offer, for its
        context.
        """
        phrases = self._worded(topic_phrases(topic))
        filed = np.array([bool(_shared(topic, paper)) for paper in self.papers], bool)
        base = self._best_base(phrases) + self._context(topic, topics) + CATEGORY * filed
        return self._match(phrases, base, filed)

    def _worded(self, phrases: Iterable[str]) -> tuple[str, ...]:
        """The phrases in all their wordings, each once; asked for again for every paper that has
        to be explained.
        """
        found: list[str] = []
        for phrase in phrases:
            if phrase not in self._wordings:
                self._wordings[phrase] = self.archive.wordings(phrase)
            found += self._wordings[phrase]
        return tuple(dict.fromkeys(found))

    def _best_base(self, phrases: Sequence[str]) -> Floats:
        return np.asarray(np.max([self._base(phrase) for phrase in phrases], axis=0, initial=0.0))

    def _match(self, phrases: Sequence[str], base: Floats, filed: NDArray[np.bool_]) -> Match:
        raw = self._with_the_like(base)
        said = np.zeros(len(self.papers), np.int16)
        for phrase in phrases:
            typed = phrase_words(phrase)
            whole = set(self._with_all(typed))
            for place in (
                one for one in self._worth_a_look(typed) if one in whole or raw[one] >= WORDS_APART
            ):
                said[place] = max(
                    said[place], find_evidence(typed, self.indexes[place], self.archive).strength
                )
        on = (said >= ABSTRACT_PHRASE) | (raw >= RELATED)
        on |= ((said > 0) & (raw >= WORDS_APART)) | (filed & (raw >= RELATED_IN_CATEGORY))
        return Match(np.rint(1000 * np.clip(raw / FULL, 0, 1)).astype(np.int16), on)

    def _base(self, phrase: str) -> Floats:
        """BM25 by words, presence of the whole phrase, and nearness in the latent space."""
        typed = phrase_words(phrase)
        base = self.vectors.coverage(phrase) + self.vectors.latent @ self.vectors.query(phrase)
        for place in self._with_all(typed):
            base[place] += presence(typed, self.indexes[place], self.archive)
        return np.asarray(base + self._meaning(phrase))

    def _meaning(self, phrase: str) -> Floats:
        """How near the papers are to the phrase in the model's space, less what all papers are."""
        asked = None if self.meanings is None else self.meanings.phrase(phrase)
        if self.meant is None or asked is None or not len(self.meant):
            return np.zeros(len(self.papers))
        near = self.meant @ asked.astype(np.float64)
        placed = self.meant.any(axis=1)
        return (
            np.asarray(np.where(placed, MEANING * (near - near[placed].mean()), 0.0))
            if placed.any()
            else near
        )

    def _context(self, topic: TopicDefinition, topics: Sequence[TopicDefinition]) -> Floats:
        """Nearness to the branch a topic sits under: its parent and the topics beside it."""
        beside = [
            other
            for other in topics
            if topic.parent_id in (other.id, other.parent_id) and topic.parent_id
        ]
        branch = sum(
            (self.vectors.query(other.name) for other in beside),
            np.zeros(self.vectors.places.shape[1]),
        )
        return np.asarray(CONTEXT * (self.vectors.latent @ unit(branch)))

    def _with_the_like(self, base: Floats) -> Floats:
        """Add how like the best matches each paper is (pseudo-relevance feedback, Rocchio 1971).

        The best weigh by the square of their scores. Where even the best match is weak, there is
        nothing to learn from, and little is added.
        """
        if not base.size or base.max() <= 0:
            return base
        trust = LIKE_THE_BEST * min(1.0, float(base.max()) / SURE)
        near = _likeness(self.by_words, base, BEST_BY_WORDS) + _likeness(
            self.by_place, base, BEST_BY_PLACE
        )
        return np.asarray(base + trust * near)

    def _worth_a_look(self, typed: Sequence[str]) -> list[int]:
        """Places of papers that have at least one word of the phrase, or two written as one."""
        names = [word for word in typed if word not in STOP_WORDS] or typed
        pairs = (one + two for one, two in itertools.pairwise(typed))
        return sorted(set().union(*(self.holders.get(stem(word), ()) for word in (*names, *pairs))))

    def _with_all(self, typed: Sequence[str]) -> list[int]:
        """Places of papers that have all words of the phrase: no others can have it whole."""
        having = (
            [self.holders.get(stem(word), set()) for word in sequence]
            for sequence in sequences(typed)
            if sequence
        )
        return sorted(set().union(*(set.intersection(*sets) for sets in having)))

    def matches(self, topics: Sequence[TopicDefinition]) -> tuple[Scores, NDArray[np.bool_]]:
        """Scores and which papers are on each topic: (topics, papers). A topic has what topics
        below it have.
        """
        own = [self.topic_match(topic, topics) for topic in topics]
        shape = (len(topics), len(self.papers))
        scores = np.array([match.scores for match in own], np.int16).reshape(shape)
        on = np.array([match.on for match in own], bool).reshape(shape)
        rows = {topic.id: row for row, topic in enumerate(topics)}
        for row, topic in enumerate(topics):
            below = np.where(own[row].on, own[row].scores * CHILD_SHARE, 0).astype(np.int16)
            for above in parents(topic, topics, rows):
                np.maximum(scores[above], below, out=scores[above])
                on[above] |= own[row].on
        return scores, on

    def phrase_grounds(self, phrase: str, place: int) -> Grounds:
        """What speaks for a paper under a typed phrase."""
        found = self._strongest((phrase,), place)
        return Grounds.of(found if found.strength else self._related((phrase,), place))

    def topic_grounds(self, topics: Sequence[TopicDefinition], row: int, place: int) -> Grounds:
        """The strongest evidence for a topic, which comes from itself or from one below it."""
        source, evidence = self._topic_evidence(topics, row, place)
        return Grounds.of(evidence, source, topics[source].name)

    def _topic_evidence(
        self, topics: Sequence[TopicDefinition], row: int, place: int
    ) -> tuple[int, Evidence]:
        family = self._family(topics, row)
        found = [(one, self._strongest(topic_phrases(topics[one]), place)) for one in family]
        best = max(found, key=lambda pair: (pair[1].strength, pair[1].length))
        if best[1].strength:
            return best
        filed = [
            (one, shared) for one in family if (shared := _shared(topics[one], self.papers[place]))
        ]
        if filed:
            return filed[0][0], Evidence(0, categories=filed[0][1])
        return row, self._related(topic_phrases(topics[row]), place)

    def _family(self, topics: Sequence[TopicDefinition], row: int) -> list[int]:
        """The rows of a topic and of those below it, worked out once for all papers."""
        top = topics[row]
        if top not in self._families:
            rows = {topic.id: at for at, topic in enumerate(topics)}
            below = (
                at
                for at, topic in enumerate(topics)
                if at != row and row in parents(topic, topics, rows)
            )
            self._families[top] = [row, *below]
        return self._families[top]

    def _strongest(self, phrases: Sequence[str], place: int) -> Evidence:
        """Of equally strong evidence, the longest: "graph networks" says more than "graph"."""
        index = self.indexes[place]
        found = (
            find_evidence(phrase_words(phrase), index, self.archive)
            for phrase in self._worded(phrases)
        )
        return max(
            found, key=lambda evidence: (evidence.strength, evidence.length), default=NO_EVIDENCE
        )

    def _related(self, phrases: tuple[str, ...], place: int) -> Evidence:
        """The paper's own words that lie nearest to what was asked for, in the paper's spelling."""
        asked = self._asked.get(
            phrases, lambda: unit(sum(map(self.vectors.query, phrases), self.vectors.query("")))
        )
        words = self.vectors.words
        own = slice(words.indptr[place], words.indptr[place + 1])
        columns = words.indices[own]
        pull = words.data[own] * (self.vectors.places[columns] @ asked)
        order = np.lexsort((columns, -pull))[:SHOWN]
        stems = [self.vectors.terms[columns[at]] for at in order if pull[at] > 0]
        return Evidence(0, related=tuple(self.spelled(stems, place)))

    def spelled(self, wanted: Iterable[str], place: int) -> list[str]:
        """The first two of the wanted terms, as the paper spells them; of two that share their
        words the longer one.

        A bare number says nothing of a subject, so it is shown only where there is nothing else.
        """
        every = list(wanted)
        named = [term for term in every if not term.replace(" ", "").isdecimal()] or every
        spelling = self._spelling(place)
        kept: list[set[str]] = []
        shown: list[str] = []
        for term in itertools.islice(
            named, 3 * SHOWN
        ):  # a weak term further down must not stand for a strong one
            parts = set(term.split())
            shorter = next((at for at, other in enumerate(kept) if other <= parts), None)
            if shorter is not None:
                kept[shorter], shown[shorter] = (
                    parts,
                    " ".join(spelling[one] for one in term.split()),
                )
            elif len(kept) < SHOWN and not any(parts <= other for other in kept):
                kept.append(parts)
                shown.append(" ".join(spelling[one] for one in term.split()))
        return list(dict.fromkeys(shown))

    def _spelling(self, place: int) -> dict[str, str]:
        """How the paper first spells each stem, worked out once."""
        if place not in self._spellings:
            spelling: dict[str, str] = {}
            for field in (self.indexes[place].title, self.indexes[place].abstract):
                for token in field.tokens:
                    spelling.setdefault(stem(token.word), field.text[token.start : token.end])
            self._spellings[place] = spelling
        return self._spellings[place]


def topic_phrases(topic: TopicDefinition) -> tuple[str, ...]:
    """The name and the phrases of a topic, each once."""
    return tuple(dict.fromkeys((topic.name, *topic.phrases)))


def parents(
    topic: TopicDefinition, topics: Sequence[TopicDefinition], rows: dict[int, int]
) -> list[int]:
    """Rows of all topics above one; a cycle ends where it closes."""
    found: list[int] = []
    seen = {topic.id}
    parent = topic.parent_id
    while parent is not None and parent in rows and parent not in seen:
        seen.add(parent)
        found.append(rows[parent])
        parent = topics[rows[parent]].parent_id
    return found


def _likeness(cosines: Floats, base: Floats, best: int) -> Floats:
    """Cosine of each paper with the weighted middle of the best."""
    order = np.lexsort((np.arange(len(base)), -base))[:best]
    weights = np.maximum(base[order], 0.0) ** 2
    weights = weights / (weights.sum() or 1.0)
    length = float(weights @ cosines[np.ix_(order, order)] @ weights)
    near: Floats = cosines[:, order] @ weights / np.sqrt(max(length, 1e-9))
    return near


def _shared(topic: TopicDefinition, paper: CandidatePaper) -> tuple[str, ...]:
    return tuple(sorted(set(topic.categories).intersection(paper.categories)))
