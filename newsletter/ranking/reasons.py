"""The parts of a score in a reader's words. Every reason comes from a part above zero."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from newsletter.ranking.evidence import Evidence
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.trend import votes_in_a_day
from newsletter.ranking.values import CandidatePaper, Parts, Reason, TopicDefinition

WORTH_SAYING = 0.1
"""A rise is called one when a tenth or more of the votes came in the last day."""

EDITORS_PICK = Reason("editor", "editor’s pick")


class Narrator:
    """Writes reasons; remembers what it wrote for a paper and an interest."""

    def __init__(self, statistics: EditionStatistics) -> None:
        self.statistics = statistics
        self.topic = lru_cache(maxsize=1 << 16)(self._topic)
        self.phrase = lru_cache(maxsize=1 << 16)(self._phrase)
        self.taste = lru_cache(maxsize=1 << 12)(self._taste)

    def reasons(self, place: int, parts: Parts, interest: Reason | None, liked: Reason | None) -> tuple[Reason, ...]:
        """The reasons of one paper, the one with the largest part first."""
        paper = self.statistics.papers[place]
        said = [
            (parts.editor, 0, EDITORS_PICK),
            (parts.topic, 1, interest),
            (parts.taste, 2, liked),
            (parts.trend, 3, self._trend(place)),
            (parts.freshness, 4, _fresh(paper)),
        ]
        said.sort(key=lambda entry: (-entry[0], entry[1]))
        return tuple(reason for part, _, reason in said if part > 0 and reason is not None)

    def _topic(self, place: int, row: int) -> Reason:
        topic = self.statistics.topics[row]
        source, evidence = self.statistics.library.topic_evidence(self.statistics.topics, row, place)
        return Reason("topic", _name_topic(topic, source, evidence))

    def _phrase(self, place: int, phrase: str) -> Reason:
        return Reason("phrase", _where(self.statistics.library.phrase_evidence(phrase, place)))

    def _taste(self, place: int, taste: bytes) -> Reason:
        """What the paper shares with what the reader liked; if only by way of another paper, that paper."""
        library = self.statistics.library
        shared = library.spelled(self.statistics.affinity.shared_terms(taste, place), place)
        if shared:
            return Reason("taste", f"like what you liked: {_listed([f'“{one}”' for one in shared])}")
        nearest = self.statistics.papers[self.statistics.affinity.nearest(taste)]
        return Reason("taste", f"close to “{nearest.title}”, the nearest to what you liked")

    def _trend(self, place: int) -> Reason:
        paper = self.statistics.papers[place]
        rise = votes_in_a_day(paper)
        if paper.votes and paper.votes_before is not None and rise > WORTH_SAYING * paper.votes:
            return Reason("trend", f"rising: {paper.votes_before} → {_votes(paper.votes)} in a day")
        if paper.votes and paper.votes >= self.statistics.expected[place]:
            return Reason("trend", f"{_votes(paper.votes)} so far")
        name, votes = self.statistics.known_for[place]
        if name:
            return Reason("trend", f"by {name}, whose papers got {_votes(votes)} on average")
        if paper.votes:
            return Reason("trend", f"{_votes(paper.votes)} so far")
        return Reason(
            "trend", f"likely to get about {_votes(max(round(float(self.statistics.expected[place])), 1))}, as papers like it did"
        )


def _name_topic(topic: TopicDefinition, source: TopicDefinition, evidence: Evidence) -> str:
    where = _where(evidence)
    if evidence.spans and evidence.is_called(source.name):
        return where
    name = source.name if source is topic else f"{topic.name}, {source.name}"
    return f"{name}: {where}"


def _where(evidence: Evidence) -> str:
    if evidence.related:
        return f"it speaks of {_listed([f'“{word}”' for word in evidence.related])}"
    if not evidence.spans:
        return f"filed under {_listed(evidence.categories)}"
    quoted = _listed([f"“{words}”" for words in evidence.wordings()])
    times = {1: "", 2: " twice"}.get(evidence.times, f" {evidence.times} times")
    return f"{quoted}{times} in the {evidence.field}"


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{count:,} votes"


def _fresh(paper: CandidatePaper) -> Reason:
    if paper.published is None:
        return Reason("fresh", f"new: first listed on {_day(paper.listed)}")
    return Reason("fresh", f"new: published on {_day(paper.published)}")


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
