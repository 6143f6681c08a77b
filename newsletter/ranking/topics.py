"""How strongly each paper is on a topic, from the words of its title and abstract."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.phrases import FieldIndex, PaperIndex, Span, phrase_words
from newsletter.ranking.text import stem
from newsletter.ranking.values import CandidatePaper, TopicDefinition

TITLE_PHRASE = 1000
ABSTRACT_PHRASE = (0, 650, 750, 800)
"""By how often the abstract has the phrase; three or more count as three."""
TITLE_WORDS = 550
ABSTRACT_WORDS = 400
ENOUGH_WORDS = 0.75
CATEGORY = 300
CATEGORY_BONUS = 100
CHILD_SHARE = 0.9

Scores = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a match: places in a field of the paper, or categories; `score` from 0 to 1000."""

    score: int
    field: str = ""
    text: FieldIndex | None = None
    spans: tuple[Span, ...] = ()
    times: int = 1
    categories: tuple[str, ...] = ()

    def wordings(self) -> tuple[str, ...]:
        """What the paper says at those places, each wording once."""
        if self.text is None:
            return ()
        return tuple(dict.fromkeys(map(self.text.surface, self.spans)))

    def is_called(self, name: str) -> bool:
        """Whether the paper says nothing but the given name, give or take endings and hyphens."""
        wanted = "".join(map(stem, phrase_words(name)))
        return {"".join(map(stem, phrase_words(wording))) for wording in self.wordings()} == {wanted}


NO_EVIDENCE = Evidence(0)


class Library:
    """The papers of an edition, indexed for phrases, with the archive's word weights."""

    def __init__(self, papers: Sequence[CandidatePaper], archive: ArchiveStatistics) -> None:
        self.papers = tuple(papers)
        self.archive = archive

    @cached_property
    def indexes(self) -> list[PaperIndex]:
        return [PaperIndex(paper.title, paper.abstract) for paper in self.papers]

    @cached_property
    def holders(self) -> dict[str, set[int]]:
        """For each stem the places of the papers that have it."""
        holders: defaultdict[str, set[int]] = defaultdict(set)
        for place, index in enumerate(self.indexes):
            for field in (index.title, index.abstract):
                for one in field.all_stems():
                    holders[one].add(place)
        return dict(holders)

    def phrase_scores(self, phrase: str) -> Scores:
        """Match of a typed phrase with every paper, 0 to 1000; int16, in the order of the papers."""
        scores = np.zeros(len(self.papers), np.int16)
        typed = phrase_words(phrase)
        for place in self._worth_a_look(typed):
            scores[place] = self._evidence(typed, self.indexes[place]).score
        return scores

    def phrase_evidence(self, phrase: str, place: int) -> Evidence:
        return self._evidence(phrase_words(phrase), self.indexes[place])

    def _worth_a_look(self, typed: tuple[str, ...]) -> list[int]:
        pairs = map("".join, itertools.pairwise(typed))
        return sorted(set().union(*(self.holders.get(stem(word), ()) for word in (*typed, *pairs))))

    def _evidence(self, typed: tuple[str, ...], index: PaperIndex) -> Evidence:
        spans = index.title.stemmed(typed)
        if spans:
            return Evidence(TITLE_PHRASE, "title", index.title, (spans[0],))
        spans = index.abstract.stemmed(typed)
        if spans:
            score = ABSTRACT_PHRASE[min(len(spans), len(ABSTRACT_PHRASE) - 1)]
            return Evidence(score, "abstract", index.abstract, (spans[0],), len(spans))
        return self._scattered(typed, index)

    def _scattered(self, typed: tuple[str, ...], index: PaperIndex) -> Evidence:
        """The words of a phrase apart from each other: most of their weight must be in one field."""
        weights = {one: self.archive.weight(one) for one in map(stem, typed)}
        whole = sum(weights.values())
        for name, field, most in (("title", index.title, TITLE_WORDS), ("abstract", index.abstract, ABSTRACT_WORDS)):
            found = [field.first(one) for one in weights if field.has_stem(one)]
            share = sum(weight for one, weight in weights.items() if field.has_stem(one)) / whole if whole else 0.0
            if found and share >= ENOUGH_WORDS:
                return Evidence(int(most * share), name, field, tuple(found))
        return NO_EVIDENCE

    def topic_scores(self, topics: Sequence[TopicDefinition]) -> NDArray[np.int16]:
        """Match of every topic with every paper, 0 to 1000; int16 of shape (topics, papers)."""
        scores = np.zeros((len(topics), len(self.papers)), np.int16)
        for row, topic in enumerate(topics):
            scores[row] = self._own_scores(topic)
        rows = {topic.id: row for row, topic in enumerate(topics)}
        own = scores.copy()
        for row, topic in enumerate(topics):
            for above in _parents(topic, topics, rows):
                np.maximum(scores[above], (own[row] * CHILD_SHARE).astype(np.int16), out=scores[above])
        return scores

    def _own_scores(self, topic: TopicDefinition) -> Scores:
        scores = np.zeros(len(self.papers), np.int16)
        for phrase in topic_phrases(topic):
            np.maximum(scores, self.phrase_scores(phrase), out=scores)
        listed = np.array([bool(_shared(topic, paper)) for paper in self.papers], bool)
        bonus = np.minimum(scores + CATEGORY_BONUS, TITLE_PHRASE)
        scores[listed] = np.where(scores > 0, bonus, CATEGORY)[listed]
        return scores

    def topic_evidence(self, topics: Sequence[TopicDefinition], row: int, place: int) -> tuple[TopicDefinition, Evidence]:
        """The strongest evidence for a topic, and the topic it comes from: itself or one below it."""
        rows = {topic.id: at for at, topic in enumerate(topics)}
        below = [topic for topic in topics if row in _parents(topic, topics, rows)]
        found = [(topics[row], self._topic_evidence(topics[row], place))]
        found += [(topic, self._topic_evidence(topic, place)) for topic in below]
        return max(found, key=lambda pair: pair[1].score)

    def _topic_evidence(self, topic: TopicDefinition, place: int) -> Evidence:
        by_phrase = (self.phrase_evidence(phrase, place) for phrase in topic_phrases(topic))
        best = max(by_phrase, key=lambda evidence: evidence.score)
        shared = _shared(topic, self.papers[place])
        return Evidence(CATEGORY, categories=shared) if shared and not best.score else best


def _shared(topic: TopicDefinition, paper: CandidatePaper) -> tuple[str, ...]:
    return tuple(sorted(set(topic.categories).intersection(paper.categories)))


def topic_phrases(topic: TopicDefinition) -> tuple[str, ...]:
    """The name and the phrases of a topic, each once."""
    return tuple(dict.fromkeys((topic.name, *topic.phrases)))


def _parents(topic: TopicDefinition, topics: Sequence[TopicDefinition], rows: dict[int, int]) -> list[int]:
    """Rows of all topics above one; a cycle ends where it closes."""
    found: list[int] = []
    seen = {topic.id}
    parent = topic.parent_id
    while parent is not None and parent in rows and parent not in seen:
        seen.add(parent)
        found.append(rows[parent])
        parent = topics[rows[parent]].parent_id
    return found
