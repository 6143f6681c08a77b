"""What a reader is told of the evidence for a match."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from newsletter.ranking.evidence import NO_EVIDENCE, Evidence, find_evidence
from newsletter.ranking.phrases import PaperIndex, phrase_words
from newsletter.ranking.text import number_forms, stem
from newsletter.ranking.topics import Library, parents, topic_phrases
from newsletter.ranking.values import CandidatePaper, TopicDefinition
from newsletter.ranking.vectors import unit

SHOWN = 2
READ = 128
"""Papers whose texts are kept indexed: 70 kB each."""


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

    @property
    def wordless(self) -> bool:
        """Whether nothing that the paper says can be shown: only a model, which goes by meaning,
        places it here.
        """
        return not (self.words or self.categories or self.related)


class _Asked(NamedTuple):
    """One wording of a phrase: its words, and stems without any of which it stands nowhere."""

    typed: tuple[str, ...]
    stems: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "_Asked":
        typed = phrase_words(text)
        near = (*typed, *(one + two for one, two in itertools.pairwise(typed)))
        forms = number_forms(typed[0]) if len(typed) == 1 else ()
        return cls(typed, frozenset(map(stem, (*near, *forms))))


class GroundsFinder:
    """Looks into the texts of the few papers that are shown, for the words that speak for them."""

    def __init__(self, library: Library, topics: Sequence[TopicDefinition]) -> None:
        self.library = library
        self.topics = topics
        self._families: dict[int, list[tuple[int, list[_Asked]]]] = {}
        self._read: dict[int, PaperIndex] = {}

    def under_phrase(self, phrase: str, place: int) -> Grounds:
        """What speaks for a paper under a typed phrase."""
        found = self._strongest(self._worded((phrase,)), place)
        return Grounds.of(found if found.strength else self._related((phrase,), place))

    def under_topic(self, row: int, place: int) -> Grounds:
        """The strongest evidence for a topic, which comes from itself or from one below it."""
        source, evidence = self._topic_evidence(row, place)
        return Grounds.of(evidence, source, self.topics[source].name)

    def _topic_evidence(self, row: int, place: int) -> tuple[int, Evidence]:
        family = self._family(row)
        found = [(one, self._strongest(wordings, place)) for one, wordings in family]
        best = max(found, key=lambda pair: (pair[1].strength, pair[1].length))
        if best[1].strength:
            return best
        paper = self.library.papers[place]
        for one, _ in family:
            if shared := _shared(self.topics[one], paper):
                return one, Evidence(0, categories=shared)
        return row, self._related(topic_phrases(self.topics[row]), place)

    def _family(self, row: int) -> list[tuple[int, list[_Asked]]]:
        """The rows of a topic and of those below it, with their wordings; worked out once."""
        if row not in self._families:
            rows = {topic.id: at for at, topic in enumerate(self.topics)}
            below = (
                at
                for at, topic in enumerate(self.topics)
                if at != row and row in parents(topic, self.topics, rows)
            )
            self._families[row] = [
                (at, self._worded(topic_phrases(self.topics[at]))) for at in (row, *below)
            ]
        return self._families[row]

    def _worded(self, phrases: Iterable[str]) -> list[_Asked]:
        """The phrases in all their wordings, each once."""
        texts = itertools.chain.from_iterable(map(self.library.archive.wordings, phrases))
        return [_Asked.of(text) for text in dict.fromkeys(texts)]

    def _strongest(self, wordings: Iterable[_Asked], place: int) -> Evidence:
        """Of equally strong evidence, the longest: "graph networks" says more than "graph"."""
        index = self._text(place)
        found = (
            find_evidence(wording.typed, index, self.library.archive)
            for wording in wordings
            if not wording.stems.isdisjoint(index.stems)
        )
        return max(
            found, key=lambda evidence: (evidence.strength, evidence.length), default=NO_EVIDENCE
        )

    def _text(self, place: int) -> PaperIndex:
        """A paper's title and abstract. Only the latest ones asked for are kept."""
        if place not in self._read:
            if len(self._read) >= READ:
                del self._read[next(iter(self._read))]
            paper = self.library.papers[place]
            self._read[place] = PaperIndex(paper.title, paper.abstract)
        return self._read[place]

    def _related(self, phrases: Sequence[str], place: int) -> Evidence:
        """The paper's own words that lie nearest to what was asked for, in the paper's spelling."""
        vectors = self.library.vectors
        asked = unit(vectors.queries(phrases).sum(axis=0))
        own = slice(vectors.words.indptr[place], vectors.words.indptr[place + 1])
        columns = vectors.words.indices[own]
        stems = [self.library.index.stems[number] for number in vectors.known[columns].tolist()]
        pull = vectors.words.data[own] * (self.library.archive.latent(stems) @ asked)
        order = np.lexsort((columns, -pull))[:SHOWN]
        nearest = [stems[at] for at in order.tolist() if pull[at] > 0]
        return Evidence(0, related=tuple(self.spelled(nearest, place)))

    def spelled(self, wanted: Iterable[str], place: int) -> list[str]:
        """The first two of the wanted terms, as the paper spells them; of two that share their
        words the longer one.

        A bare number says nothing of a subject, so it is shown only where there is nothing else.
        """
        every = list(wanted)
        named = [term for term in every if not term.replace(" ", "").isdecimal()] or every
        spelling = self._text(place).spelling
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


def _shared(topic: TopicDefinition, paper: CandidatePaper) -> tuple[str, ...]:
    return tuple(sorted(set(topic.categories).intersection(paper.categories)))
