"""The parts of a score in a reader's words. Every reason comes from a part above zero."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial

from newsletter.ranking.grounds import Grounds
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.trend import votes_in_a_day
from newsletter.ranking.values import CandidatePaper, Parts, Reason, TopicDefinition
from newsletter.ranking.wording import Wording, gettext_noop, ngettext_lazy

WORTH_SAYING = 0.1
"""A rise is called one when a tenth or more of the votes came in the last day."""

NEW_DAYS = 3

REASON_BYTES, LIST_BYTES = 1_500, 500
"""What a reason, and a list of reasons that are shared, take in memory with their keys."""

PICKED = Reason("editor", Wording(gettext_noop("picked by the editors")))
RECOMMENDED = Reason("editor", Wording(gettext_noop("recommended by the editors")))
UNLIKE_DISLIKED = Reason("taste", Wording(gettext_noop("unlike what you asked for fewer of")))


ORDER = [Parts._fields.index(name) for name in ("editor", "topic", "taste", "trend", "freshness")]
"""Of equal parts, the one that comes first here is said first."""
_EDITOR, _INTEREST, _TASTE, _TREND, _FRESH = range(5)


class Narrator:
    """Writes reasons; what it wrote is kept in the memory of the statistics."""

    def __init__(self, statistics: EditionStatistics) -> None:
        self.statistics = statistics

    def reasons(
        self, place: int, order: tuple[int, ...], interest: int | str | None, taste: bytes
    ) -> tuple[Reason, ...]:
        """The reasons of one paper. `order` has the parts above zero, as places in ORDER, the
        largest first.

        `interest` is the topic (its id) or typed phrase that speaks for the paper.
        """
        if taste:  # nobody else has it, and the key would keep its 2 kB
            return tuple(self._said(place, order, interest, taste))
        return self.statistics.memory.get(
            ("reasons", place, order, interest),
            LIST_BYTES,
            lambda: tuple(self._said(place, order, interest, taste)),
        )

    def _said(
        self, place: int, order: tuple[int, ...], interest: int | str | None, taste: bytes
    ) -> Iterator[Reason]:
        for part in order:
            if part == _EDITOR:
                yield PICKED if self.statistics.papers[place].pinned else RECOMMENDED
            elif part == _INTEREST and interest is not None:
                yield self.statistics.memory.get(
                    ("interest", place, interest),
                    REASON_BYTES,
                    partial(self._interest, place, interest),
                )
            elif part == _TASTE and taste:
                yield self._taste(place, taste)
            elif part == _TREND:
                yield self.statistics.memory.get(
                    ("trend", place), REASON_BYTES, partial(self._trend, place)
                )
            elif part == _FRESH and len(order) == 1:
                yield _fresh(self.statistics.papers[place], self.statistics.now.date())

    def _interest(self, place: int, interest: int | str) -> Reason:
        if isinstance(interest, str):
            found = self.statistics.grounds.under_phrase(interest, place)
            return Reason("phrase", _meant(interest) if found.wordless else _where(found))
        row = self.statistics.rows[interest]
        grounds = self.statistics.grounds.under_topic(row, place)
        return Reason(
            "topic",
            _name_topic(
                self.statistics.topics[row], self.statistics.topics[grounds.source], grounds
            ),
        )

    def _taste(self, place: int, taste: bytes) -> Reason:
        """What the paper shares with what the reader liked; if only by way of another paper, that
        paper.

        Who only ever asked for fewer has liked nothing: then what speaks for a paper is how unlike
        those it is.
        """
        affinity = self.statistics.library.affinity
        shared = self.statistics.grounds.spelled(affinity.shared_terms(taste, place), place)
        if shared:
            return Reason(
                "taste",
                Wording(gettext_noop("like what you liked: %(words)s"), words=_quoted(shared)),
            )
        nearest = affinity.nearest(taste)
        if nearest == place or not affinity.shared_terms(taste, nearest):
            return UNLIKE_DISLIKED
        close = gettext_noop("close to “%(title)s”, the nearest to what you liked")
        return Reason("taste", Wording(close, title=self.statistics.papers[nearest].title))

    def _trend(self, place: int) -> Reason:
        paper = self.statistics.papers[place]
        rise = votes_in_a_day(paper)
        if paper.votes and paper.votes_before is not None and rise > WORTH_SAYING * paper.votes:
            rising = gettext_noop("rising: %(before)s → %(votes)s in a day")
            return Reason(
                "trend", Wording(rising, before=paper.votes_before, votes=_votes(paper.votes))
            )
        name, votes = self.statistics.known_for[place]
        if paper.votes and (paper.votes >= self.statistics.expected[place] or not name):
            return Reason(
                "trend", Wording(gettext_noop("%(votes)s so far"), votes=_votes(paper.votes))
            )
        if name:
            known = gettext_noop("by %(author)s, whose papers got %(votes)s on average")
            return Reason("trend", Wording(known, author=name, votes=_votes(votes)))
        likely = max(round(float(self.statistics.expected[place])), 1)
        return Reason(
            "trend",
            Wording(
                gettext_noop("likely to get about %(votes)s, as papers like it did"),
                votes=_votes(likely),
            ),
        )


def _meant(asked: str) -> Wording:
    return Wording(gettext_noop("close in meaning to “%(words)s”"), words=asked)


def _name_topic(topic: TopicDefinition, source: TopicDefinition, grounds: Grounds) -> Wording:
    if grounds.wordless:
        return _meant(topic.name)
    where = _where(grounds)
    if grounds.called:
        return where
    if source is topic:
        return Wording(gettext_noop("%(topic)s: %(where)s"), topic=topic.name, where=where)
    return Wording(
        gettext_noop("%(topic)s, %(part)s: %(where)s"),
        topic=topic.name,
        part=source.name,
        where=where,
    )


def _where(grounds: Grounds) -> Wording:
    if grounds.related:
        return Wording(gettext_noop("it speaks of %(words)s"), words=_quoted(grounds.related))
    if not grounds.words:
        return Wording(gettext_noop("filed under %(categories)s"), categories=grounds.categories)
    words = _quoted(grounds.words)
    if grounds.field == "title":
        return _times(grounds.times, words, _IN_THE_TITLE)
    return _times(grounds.times, words, _IN_THE_ABSTRACT)


def _times(times: int, words: tuple[Wording, ...], templates: tuple[str, str, str]) -> Wording:
    once, twice, more = templates
    if times <= 2:
        return Wording(once if times == 1 else twice, words=words)
    return Wording(more, words=words, times=times)


_IN_THE_TITLE = (
    gettext_noop("%(words)s in the title"),
    gettext_noop("%(words)s twice in the title"),
    gettext_noop("%(words)s %(times)s times in the title"),
)
_IN_THE_ABSTRACT = (
    gettext_noop("%(words)s in the abstract"),
    gettext_noop("%(words)s twice in the abstract"),
    gettext_noop("%(words)s %(times)s times in the abstract"),
)


def _quoted(words: Iterable[str]) -> tuple[Wording, ...]:
    return tuple(Wording(gettext_noop("“%(words)s”"), words=one) for one in words)


def _votes(count: int) -> Wording:
    return ngettext_lazy("%(count)s vote", "%(count)s votes", count)


def _fresh(paper: CandidatePaper, today: date) -> Reason:
    """Said only where nothing else speaks for a paper; and "new" only while it is."""
    known = paper.published or paper.listed
    new = (today - known).days <= NEW_DAYS
    if paper.published:
        template = (
            gettext_noop("new: published on %(day)s")
            if new
            else gettext_noop("published on %(day)s")
        )
    else:
        template = (
            gettext_noop("new: first listed on %(day)s")
            if new
            else gettext_noop("first listed on %(day)s")
        )
    return Reason("fresh", Wording(template, day=known))
