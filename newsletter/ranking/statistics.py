"""Everything about an edition that ranking needs, frozen: the same picks and parts for ever
after.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.affinity import Affinity
from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.freshness import freshness_scores
from newsletter.ranking.grounds import Grounds
from newsletter.ranking.likeness import near_duplicates
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.memory import Memory
from newsletter.ranking.muting import muted_papers
from newsletter.ranking.packing import UnreadableBytes, pack, unpack
from newsletter.ranking.pickup import PickupModel
from newsletter.ranking.topics import Library, Match
from newsletter.ranking.trend import trend_scores
from newsletter.ranking.values import CandidatePaper, TopicDefinition

__all__ = ["ArchiveStatistics", "EditionStatistics", "UnreadableBytes", "fit_archive"]

Identified = TypeVar("Identified", CandidatePaper, TopicDefinition)

_MAGIC = b"PBES"
_VERSION = 5
PINNED = 10_000
"""More than all other parts together can reach, so that the parts show why it comes first."""
BOOST_STEP = 10
"""Thousandths per point of boost: the strongest boost weighs as much as a perfect topic match."""


@dataclass(frozen=True, eq=False)
class EditionStatistics:
    """Frozen ranking input of one edition. Papers and topics are in the order of their ids.

    Arrays (all in thousandths): `topic_scores` int16 (topics, papers), of which those count that
    are `on_topic` (bool, same shape); `trend`, `freshness`, `editor` int16 (papers); `expected`
    float32, votes foreseen per paper; `duplicates` bool (papers, papers). `known_for` says whose
    earlier papers led to that: a name and their mean votes, or an empty name. `stored_grounds`
    holds what `grounds` gives for each pair of `on_topic`, in its order, where the statistics were
    read from bytes.
    """

    now: datetime
    library: Library
    topics: tuple[TopicDefinition, ...]
    known_for: tuple[tuple[str, int], ...]
    topic_scores: NDArray[np.int16]
    on_topic: NDArray[np.bool_]
    expected: NDArray[np.float32]
    trend: NDArray[np.int16]
    freshness: NDArray[np.int16]
    editor: NDArray[np.int16]
    duplicates: NDArray[np.bool_]
    stored_grounds: Sequence[Sequence[Any]] = ()

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
        for it; without a pickup model only votes that were seen make a trend; without meanings
        words alone are compared.

        ValueError if `now` has no time zone or two papers or two topics share an id.
        """
        if now.tzinfo is None:
            raise ValueError("now must have a time zone")
        ordered = _by_id(papers, "papers")
        known = archive or fit_archive((paper.title, paper.abstract) for paper in ordered)
        subjects = _by_id(topics, "topics")
        library = Library(ordered, known, meanings=meanings).narrowed(subjects)
        scores, on = library.matches(subjects)
        expected = (pickup.expected_votes(ordered) if pickup else np.zeros(len(ordered))).astype(
            np.float32
        )
        known_for = [pickup.known_for(paper) if pickup else None for paper in ordered]
        moment = now.astimezone(UTC)
        return cls(
            moment,
            library,
            subjects,
            tuple((found[0], round(found[1])) if found else ("", 0) for found in known_for),
            scores,
            on,
            expected,
            trend_scores(ordered, expected, moment.date()),
            freshness_scores(ordered, moment.date()),
            np.array(
                [BOOST_STEP * paper.boost + PINNED * paper.pinned for paper in ordered], np.int16
            ),
            near_duplicates(library.indexes),
        )

    @property
    def papers(self) -> tuple[CandidatePaper, ...]:
        return self.library.papers

    @cached_property
    def memory(self) -> Memory:
        """What was worked out for readers before and is asked for again and again."""
        return Memory()

    def muted(self, phrase: str) -> NDArray[np.bool_]:
        """Which papers a muted word or phrase rules out."""
        return self.memory.get(
            ("muted", phrase), lambda: muted_papers(phrase, self.library.indexes)
        )

    def match(self, phrase: str) -> Match:
        """Match of a typed phrase with every paper."""
        return self.memory.get(("phrase", phrase), lambda: self.library.phrase_match(phrase))

    def grounds(self, row: int, place: int) -> Grounds:
        """What speaks for a paper under the topic of a row. Stored statistics have it at hand
        for the papers on the topic.
        """
        return self.memory.get(("grounds", row, place), lambda: self._grounds(row, place))

    def _grounds(self, row: int, place: int) -> Grounds:
        at = self._ground_places[row, place]
        if self.stored_grounds and at >= 0:
            return Grounds.from_plain(self.stored_grounds[at])
        return self.library.topic_grounds(self.topics, row, place)

    @cached_property
    def _ground_places(self) -> NDArray[np.int32]:
        """Where `stored_grounds` has a pair of topic and paper, -1 for none: (topics, papers)."""
        places = np.cumsum(self.on_topic.ravel(), dtype=np.int32).reshape(self.on_topic.shape) - 1
        return np.where(self.on_topic, places, np.int32(-1))

    @cached_property
    def affinity(self) -> Affinity:
        return Affinity(self.library.vectors)

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
            "grounds": [
                self.grounds(row, place) for row, place in np.argwhere(self.on_topic).tolist()
            ],
            "meanings": None,
        }
        arrays: dict[str, NDArray[Any]] = {
            "topic_scores": self.topic_scores,
            "on_topic": self.on_topic,
            "expected": self.expected,
            "trend": self.trend,
            "freshness": self.freshness,
            "editor": self.editor,
            "duplicates": self.duplicates,
            "archive": np.frombuffer(self.library.archive.to_bytes(), np.uint8),
        }
        if self.library.meanings is not None:
            data["meanings"], meant = self.library.meanings.to_plain()
            arrays |= meant
        return pack(_MAGIC, _VERSION, data, arrays)

    @classmethod
    def from_bytes(cls, blob: bytes) -> "EditionStatistics":
        """What `to_bytes` gave. UnreadableBytes (a ValueError) for foreign, damaged or outdated
        bytes.
        """
        data, arrays = unpack(_MAGIC, _VERSION, blob)
        archive = ArchiveStatistics.from_bytes(arrays.pop("archive").tobytes())
        meant = (
            Meanings.from_plain(
                data["meanings"], arrays.pop("meant_papers"), arrays.pop("meant_phrases")
            )
            if data["meanings"]
            else None
        )
        library = Library(
            [_paper_from_plain(plain) for plain in data["papers"]], archive, meanings=meant
        )
        topics = tuple(_topic_from_plain(plain) for plain in data["topics"])
        known_for = tuple((name, votes) for name, votes in data["known_for"])
        return cls(
            datetime.fromisoformat(data["now"]),
            library,
            topics,
            known_for,
            **arrays,
            stored_grounds=data["grounds"],
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
