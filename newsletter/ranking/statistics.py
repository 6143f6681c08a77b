"""Everything about an edition that ranking needs, frozen: the same picks and parts for ever
after.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.freshness import freshness_scores
from newsletter.ranking.grounds import GroundsFinder
from newsletter.ranking.likeness import near_duplicates
from newsletter.ranking.matches import Match
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.memory import Memory
from newsletter.ranking.packing import UnreadableBytes, pack, unpack
from newsletter.ranking.phrases import phrase_words
from newsletter.ranking.pickup import PickupModel, prior_votes
from newsletter.ranking.shared_tables import SharedTables
from newsletter.ranking.text import normal_phrase
from newsletter.ranking.topics import Library
from newsletter.ranking.trend import trend_scores
from newsletter.ranking.values import CandidatePaper, TopicDefinition

__all__ = ["ArchiveStatistics", "EditionStatistics", "UnreadableBytes", "fit_archive"]

Identified = TypeVar("Identified", CandidatePaper, TopicDefinition)

_MAGIC = b"PBES"
_VERSION = 6
PINNED = 10_000
"""More than all other parts together can reach, so that the parts show why it comes first."""
BOOST_STEP = 10
"""Thousandths per point of boost: the strongest boost weighs as much as a perfect topic match."""
REMEMBERED = 16 << 20
"""Bytes of what was worked out for readers that an edition remembers, beside its own."""

NOTHING_KNOWN: Mapping[str, Match] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class EditionStatistics:
    """Frozen ranking input of one edition. Papers and topics are in the order of their ids.

    Arrays (scores in thousandths): `topic_scores` int16 (topics, papers), 0 for papers that are not
    on a topic; `trend`, `freshness`, `editor` int16 (papers); `expected` float32, votes foreseen
    per paper; `duplicates` int32 (pairs, 2), near-duplicates in both orders. `known_for` says whose
    earlier papers led to the votes foreseen: a name and their mean votes, or an empty name.
    """

    now: datetime
    library: Library
    topics: tuple[TopicDefinition, ...]
    known_for: tuple[tuple[str, int], ...]
    topic_scores: NDArray[np.int16]
    expected: NDArray[np.float32]
    trend: NDArray[np.int16]
    freshness: NDArray[np.int16]
    editor: NDArray[np.int16]
    duplicates: NDArray[np.int32]

    @classmethod
    def freeze(
        cls,
        papers: Sequence[CandidatePaper],
        topics: Sequence[TopicDefinition],
        now: datetime,
        archive: ArchiveStatistics | None = None,
        pickup: PickupModel | None = None,
        meanings: Meanings | None = None,
    ) -> "EditionStatistics":
        """Compute all that does not depend on the reader. Without an archive the papers stand in
        for it; without a pickup model votes are foreseen by `prior_votes`; without meanings words
        alone are compared.

        ValueError if `now` has no time zone or two papers or two topics share an id.
        """
        if now.tzinfo is None:
            raise ValueError("now must have a time zone")
        ordered = _by_id(papers, "papers")
        known = archive or fit_archive((paper.title, paper.abstract) for paper in ordered)
        subjects = _by_id(topics, "topics")
        library = Library(ordered, known, meanings).narrowed(subjects)
        moment = now.astimezone(UTC)
        foreseen = pickup.expected_votes(ordered) if pickup else prior_votes(ordered, moment.date())
        expected = foreseen.astype(np.float32)
        known_for = [pickup.known_for(paper) if pickup else None for paper in ordered]
        return cls(
            moment,
            library,
            subjects,
            tuple((found[0], round(found[1])) if found else ("", 0) for found in known_for),
            library.matches(subjects),
            expected,
            trend_scores(ordered, expected, moment.date()),
            freshness_scores(ordered, moment.date()),
            np.array(
                [BOOST_STEP * paper.boost + PINNED * paper.pinned for paper in ordered], np.int16
            ),
            near_duplicates(library.index),
        )

    @property
    def papers(self) -> tuple[CandidatePaper, ...]:
        return self.library.papers

    @cached_property
    def memory(self) -> Memory:
        """What was worked out for readers before and is asked for again and again."""
        return Memory(REMEMBERED)

    @cached_property
    def shared(self) -> SharedTables:
        """Tables that all readers share."""
        return SharedTables(
            self.papers, self.trend, self.freshness, self.editor, self.pins, self.duplicates
        )

    @cached_property
    def grounds(self) -> GroundsFinder:
        """What speaks for papers under topics and phrases."""
        return GroundsFinder(self.library, self.topics)

    def match_phrases(
        self, phrases: Iterable[str], known: Mapping[str, Match] = NOTHING_KNOWN
    ) -> dict[str, Match]:
        """Match of typed phrases with the papers, under `text.normal_phrase` of each.

        What is not `known` from an earlier call is worked out, many phrases together in a fraction
        of the time they would take one by one. What else is asked for changes nothing. Phrases
        without a word are left out.
        """
        wanted = dict.fromkeys(filter(None, map(normal_phrase, phrases)))
        found = {one: known[one] for one in wanted if one in known}
        missing = [one for one in wanted if one not in found]
        before = self.memory.known(("phrase", one) for one in missing)
        found |= {
            one: cast("Match", match)
            for one, match in zip(missing, before, strict=True)
            if match is not None
        }
        missing = [one for one in missing if one not in found]
        if missing:  # else the texts' index may stay packed
            new = self.library.phrase_matches(missing)
            for one, match in new.items():
                self.memory.keep(("phrase", one), match, match.size)
            found |= new
        return found

    def muted(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which papers each muted word or phrase rules out: (words, papers).

        Whole words only, in any case and number: muting "LLM" mutes "LLMs" but not "LLMOps".
        """
        ruled_out = np.zeros((len(words), len(self.papers)), bool)
        if not ruled_out.size:
            return ruled_out
        spans = self.library.index.spelled([phrase_words(one) for one in words])
        ruled_out[spans.row, self.library.index.field_of(spans.start) // 2] = True
        return ruled_out

    @cached_property
    def places(self) -> dict[int, int]:
        """The place of each paper id in the arrays."""
        return {paper.id: place for place, paper in enumerate(self.papers)}

    @cached_property
    def pins(self) -> tuple[int, ...]:
        """The places of the pinned papers, in the order of the pins."""
        pinned = (place for place, paper in enumerate(self.papers) if paper.pinned)
        return tuple(sorted(pinned, key=lambda place: (self.papers[place].pin_place, place)))

    @cached_property
    def rows(self) -> dict[int, int]:
        """The row of each topic id in `topic_scores`."""
        return {topic.id: row for row, topic in enumerate(self.topics)}

    @cached_property
    def mailed_places(self) -> dict[int, tuple[int, ...]]:
        """For each id that may have been mailed, also under a merged id, the places it rules
        out.
        """
        found: dict[int, tuple[int, ...]] = {}
        for place, paper in enumerate(self.papers):
            for one in (paper.id, *paper.duplicates_of):
                found[one] = (*found.get(one, ()), place)
        return found

    def to_bytes(self) -> bytes:
        data: dict[str, Any] = {
            "now": self.now.isoformat(),
            "papers": [_paper_to_plain(paper) for paper in self.papers],
            "topics": [asdict(topic) for topic in self.topics],
            "known_for": self.known_for,
            "meanings": None,
        }
        scores = sparse.csr_array(self.topic_scores)
        arrays: dict[str, NDArray[Any]] = {
            "topic_starts": scores.indptr,
            "topic_places": scores.indices,
            "topic_scores": scores.data,
            "expected": self.expected,
            "trend": self.trend,
            "freshness": self.freshness,
            "editor": self.editor,
            "duplicates": self.duplicates,
        }
        if self.library.meanings is not None:
            data["meanings"], meant = self.library.meanings.to_plain()
            arrays |= meant
        return pack(_MAGIC, _VERSION, data, arrays, self.library.to_parts())

    @classmethod
    def from_bytes(cls, blob: bytes) -> "EditionStatistics":
        """What `to_bytes` gave. UnreadableBytes (a ValueError) for foreign, damaged or outdated
        bytes.

        The texts' index stays packed until a phrase, a muted word or a taste asks for it.
        """
        data, arrays, parts = unpack(_MAGIC, _VERSION, blob)
        meant = (
            Meanings.from_plain(
                data["meanings"], arrays.pop("meant_papers"), arrays.pop("meant_phrases")
            )
            if data["meanings"]
            else None
        )
        papers = [_paper_from_plain(plain) for plain in data["papers"]]
        topics = tuple(_topic_from_plain(plain) for plain in data["topics"])
        scores = (arrays.pop(f"topic_{name}") for name in ("scores", "places", "starts"))
        table = sparse.csr_array(tuple(scores), shape=(len(topics), len(papers)))
        return cls(
            datetime.fromisoformat(data["now"]),
            Library.from_parts(papers, parts, meant),
            topics,
            tuple((name, votes) for name, votes in data["known_for"]),
            topic_scores=table.toarray(),
            **arrays,
        )


def _by_id(values: Sequence[Identified], what: str) -> tuple[Identified, ...]:
    ordered = tuple(sorted(values, key=lambda value: value.id))
    for before, after in itertools.pairwise(ordered):
        if before.id == after.id:
            raise ValueError(f"two {what} share the id {after.id}")
    return ordered


def _paper_to_plain(paper: CandidatePaper) -> dict[str, Any]:
    plain = asdict(paper)
    plain["published"] = paper.published.isoformat() if paper.published else None
    plain["listed"] = paper.listed.isoformat()
    return plain


def _paper_from_plain(plain: dict[str, Any]) -> CandidatePaper:
    published = plain["published"]
    changed = {
        "published": date.fromisoformat(published) if published else None,
        "listed": date.fromisoformat(plain["listed"]),
        **{name: tuple(plain[name]) for name in ("authors", "categories", "duplicates_of")},
    }
    return CandidatePaper(**(plain | changed))


def _topic_from_plain(plain: dict[str, Any]) -> TopicDefinition:
    return TopicDefinition(
        **(plain | {name: tuple(plain[name]) for name in ("phrases", "categories")})
    )
