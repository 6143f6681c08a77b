"""The papers of an edition with all that is computed from their texts, and topics matched with
them.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import chain

import numpy as np

from newsletter.ranking.affinity import Affinity
from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.grams import KnownTerms
from newsletter.ranking.matches import Match
from newsletter.ranking.matching import Flags, Matcher, Scores, Sought
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.packing import pack, unpack
from newsletter.ranking.positions import PositionalIndex
from newsletter.ranking.values import CandidatePaper, TopicDefinition
from newsletter.ranking.vectors import (
    Floats,
    Singles,
    WordVectors,
    asked_stems,
    grained,
    products,
    unit,
)

CONTEXT = 0.6
CHILD_SHARE = 0.9


class Library:
    """The papers of an edition, indexed for phrases, with what the archive knows of their words.

    What follows from the texts is computed, or unpacked, when it is first asked for.
    """

    def __init__(
        self,
        papers: Sequence[CandidatePaper],
        archive: ArchiveStatistics,
        meanings: Meanings | None = None,
    ) -> None:
        self.papers = tuple(papers)
        self.archive = archive
        self.meanings = meanings
        self._packed_texts = b""

    def narrowed(self, topics: Sequence[TopicDefinition]) -> "Library":
        """The same papers with what of the archive concerns them and the topics: all that has to
        be kept with an edition.
        """
        asked = chain.from_iterable(map(topic_phrases, topics))
        wanted = {*self.index.term_stems, *chain.from_iterable(map(asked_stems, asked))}
        narrow = Library(self.papers, self.archive.narrowed(wanted), self.meanings)
        narrow._texts = self._texts
        return narrow

    @property
    def index(self) -> PositionalIndex:
        return self._texts[0]

    @property
    def terms(self) -> KnownTerms:
        return self._texts[1]

    @cached_property
    def _texts(self) -> tuple[PositionalIndex, KnownTerms]:
        if self._packed_texts:
            packed, self._packed_texts = self._packed_texts, b""
            return _unpacked_texts(packed)
        index = PositionalIndex.build((paper.title, paper.abstract) for paper in self.papers)
        return index, KnownTerms.of(index, self.archive)

    def to_parts(self) -> list[bytes]:
        """What `from_parts` makes the library from, beside the papers and meanings."""
        return [self.archive.to_bytes(), self._packed_texts or _packed_texts(*self._texts)]

    @classmethod
    def from_parts(
        cls, papers: Sequence[CandidatePaper], parts: Sequence[bytes], meanings: Meanings | None
    ) -> "Library":
        """What `to_parts` gave. The texts' index stays packed until something asks for it."""
        archive, texts = parts
        library = cls(papers, ArchiveStatistics.from_bytes(archive), meanings)
        library._packed_texts = texts
        return library

    @cached_property
    def vectors(self) -> WordVectors:
        return WordVectors(self.index, self.archive)

    @cached_property
    def affinity(self) -> Affinity:
        return Affinity(self.terms, self.archive.documents)

    @cached_property
    def _matcher(self) -> Matcher:
        shared = self.terms.shared()
        return Matcher(self.index, shared, self.vectors, self.meanings, self._meant)

    @property
    def _meant(self) -> Singles | None:
        """Where a sentence-embedding model places the papers; None without one, or while it has
        placed none of them.
        """
        if not self.meanings or not self.meanings.papers:
            return None
        return grained(self.meanings.table([paper.id for paper in self.papers]))

    def phrase_matches(self, phrases: Collection[str]) -> dict[str, Match]:
        """Match of typed phrases with the papers, by phrase."""
        sought = [Sought(self.archive.wordings(phrase)) for phrase in phrases]
        found: list[Match] = []
        for scores, on in self._matcher.matches(sought):
            counted = counted_scores(scores, on)
            found += (Match.of(row) for row in counted)
        return dict(zip(phrases, found, strict=True))

    def matches(self, topics: Sequence[TopicDefinition]) -> Scores:
        """Scores of the papers on each topic, 0 for those that are not on it: (topics, papers). A
        topic has what topics below it have.
        """
        own, on_own = self.topic_matches(topics, topics)
        scores, on = own.copy(), on_own.copy()
        rows = {topic.id: row for row, topic in enumerate(topics)}
        for row, topic in enumerate(topics):
            below = np.where(on_own[row], own[row] * CHILD_SHARE, 0).astype(np.int16)
            for above in parents(topic, topics, rows):
                np.maximum(scores[above], below, out=scores[above])
                on[above] |= on_own[row]
        return counted_scores(scores, on)

    def topic_matches(
        self, asked: Sequence[TopicDefinition], topics: Sequence[TopicDefinition]
    ) -> tuple[Scores, Flags]:
        """Scores of all papers and which are on each topic asked for, the topics below them left
        out. `topics` are all that are on offer, for their context.
        """
        contexts = self._contexts(asked, topics)
        sought = [
            Sought(self._wordings(topic), context, self._filed(topic))
            for topic, context in zip(asked, contexts, strict=True)
        ]
        shape = (len(asked), len(self.papers))
        scores, on = np.zeros(shape, np.int16), np.zeros(shape, bool)
        row = 0
        for block, flags in self._matcher.matches(sought):
            scores[row : row + len(block)], on[row : row + len(block)] = block, flags
            row += len(block)
        return scores, on

    def _wordings(self, topic: TopicDefinition) -> tuple[str, ...]:
        worded = chain.from_iterable(map(self.archive.wordings, topic_phrases(topic)))
        return tuple(dict.fromkeys(worded))

    def _filed(self, topic: TopicDefinition) -> Flags:
        """Which papers are filed in one of the topic's categories."""
        wanted = frozenset(topic.categories)
        return np.array([not wanted.isdisjoint(paper.categories) for paper in self.papers], bool)

    def _contexts(
        self, asked: Sequence[TopicDefinition], topics: Sequence[TopicDefinition]
    ) -> Floats:
        """Nearness of the papers to the branch each topic sits under: its parent and the topics
        beside it.
        """
        places = self.vectors.queries([topic.name for topic in topics])
        branches = np.zeros((len(asked), places.shape[1]))
        for row, topic in enumerate(asked):
            beside = [
                at
                for at, other in enumerate(topics)
                if topic.parent_id and topic.parent_id in (other.id, other.parent_id)
            ]
            branches[row] = unit(sum((places[at] for at in beside), np.zeros(places.shape[1])))
        return np.asarray(CONTEXT * products(branches, self.vectors.latent))


_MAGIC = b"PBTX"
_VERSION = 1


def _packed_texts(index: PositionalIndex, terms: KnownTerms) -> bytes:
    data, arrays = index.to_plain()
    return pack(_MAGIC, _VERSION, data, arrays | terms.to_plain())


def _unpacked_texts(packed: bytes) -> tuple[PositionalIndex, KnownTerms]:
    data, arrays, _ = unpack(_MAGIC, _VERSION, packed)
    index = PositionalIndex.from_plain(data, arrays)
    return index, KnownTerms.from_plain(index, arrays)


def counted_scores(scores: Scores, on: Flags) -> Scores:
    """The scores of papers that are on something, 1 at least, and 0 for the others."""
    return np.where(on, np.maximum(scores, 1), 0).astype(np.int16)


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
