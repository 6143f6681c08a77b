"""The parts of a score in a reader's words. Every reason comes from a part above zero."""

from collections.abc import Iterator, Sequence
from datetime import date

from newsletter.ranking.evidence import Evidence
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.trend import votes_in_a_day
from newsletter.ranking.values import CandidatePaper, Parts, Reason, TopicDefinition

WORTH_SAYING = 0.1
"""A rise is called one when a tenth or more of the votes came in the last day."""

NEW_DAYS = 3

EDITORS_PICK = Reason("editor", "editor’s pick")


ORDER = [Parts._fields.index(name) for name in ("editor", "topic", "taste", "trend", "freshness")]
"""Of equal parts, the one that comes first here is said first."""
_EDITOR, _INTEREST, _TASTE, _TREND, _FRESH = range(5)


class Narrator:
    """Writes reasons; what it wrote is kept in the memory of the statistics."""

    def __init__(self, statistics: EditionStatistics) -> None:
        self.statistics = statistics

    def reasons(self, place: int, order: tuple[int, ...], interest: int | str | None, taste: bytes) -> tuple[Reason, ...]:
        """The reasons of one paper. `order` has the parts above zero, as places in ORDER, the largest first.

        `interest` is the topic (its id) or typed phrase that speaks for the paper.
        """
        key = ("reasons", place, order, interest, taste)
        return self.statistics.memory.get(key, lambda: tuple(self._said(place, order, interest, taste)))

    def _said(self, place: int, order: tuple[int, ...], interest: int | str | None, taste: bytes) -> Iterator[Reason]:
        for part in order:
            if part == _EDITOR:
                yield EDITORS_PICK
            elif part == _INTEREST and interest is not None:
                yield self._interest(place, interest)
            elif part == _TASTE and taste:
                yield self._taste(place, taste)
            elif part == _TREND:
                yield self._trend(place)
            elif part == _FRESH and len(order) == 1:
                yield _fresh(self.statistics.papers[place], self.statistics.now.date())

    def _interest(self, place: int, interest: int | str) -> Reason:
        if isinstance(interest, str):
            return Reason("phrase", _where(self.statistics.library.phrase_evidence(interest, place)))
        row = self.statistics.rows[interest]
        topic = self.statistics.topics[row]
        source, evidence = self.statistics.library.topic_evidence(self.statistics.topics, row, place)
        return Reason("topic", _name_topic(topic, source, evidence))

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


def _fresh(paper: CandidatePaper, today: date) -> Reason:
    """Said only where nothing else speaks for a paper; and "new" only while it is."""
    known = paper.published or paper.listed
    day = f"{'published' if paper.published else 'first listed'} on {_day(known)}"
    return Reason("fresh", f"new: {day}" if (today - known).days <= NEW_DAYS else day)


def _day(day: date) -> str:
    return f"{day:%B}\u00a0{day.day}"
