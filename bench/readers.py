"""Made-up readers, each with wishes of their own: topics, phrases, muted words, a learned taste.
Pure: the same seed and papers give the same readers.

Everybody has 1 to 6 topics. A third have 1 to 8 phrases of their own, a third 1 to 5 muted words,
half a taste. Phrases and muted words are words of the made-up papers, in their order, so that they
match what is sent. There are no real readers to measure: how often phrases occur is compared with
the phrases of topics (see `phrase_pool`), everything else is an assumption.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import TypeVar

from bench.papers import FUNCTION_WORDS, MadePaper
from newsletter.ranking.archive import ArchiveStatistics
from newsletter.ranking.taste import TasteEvent, learn

WITH_PHRASES, WITH_MUTED, WITH_TASTE = 1 / 3, 1 / 3, 1 / 2
MOST_TOPICS, MOST_PHRASES, MOST_MUTED = 6, 8, 5
EVENTS_IN_FULL = (4, 58)
"""A taste rests on 5 to 60 events. To learn 30 takes 0.1 s, so readers share all but the last one
or two of them with others: there are a few hundred tastes that are learned in full.
"""
LAST_DAYS = 90
COMMON_WORD = 0.05
"""A word that this share of the papers has is no phrase and is not muted: nobody means it."""
TRIES = 30
ZONES = (
    ("Europe/Berlin", 20),
    ("America/New_York", 18),
    ("Asia/Shanghai", 12),
    ("America/Los_Angeles", 12),
    ("Asia/Kolkata", 10),
    ("UTC", 8),
    ("Europe/London", 8),
    ("Asia/Tokyo", 5),
    ("America/Sao_Paulo", 4),
    ("Australia/Sydney", 3),
)
HOURS = tuple(
    (hour, weight)
    for hours, weight in ((range(6), 1), (range(6, 10), 16), (range(10, 18), 5), (range(18, 24), 4))
    for hour in hours
)
SIZES = ((5, 50), (10, 25), (8, 15), (3, 10))
"""Papers of a digest, and how many of a hundred readers want so many."""
_WORD = re.compile(r"[a-z0-9]+")
_FUNCTION_WORDS = frozenset(FUNCTION_WORDS)

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one reader wants. `topics` are numbers of interests, `taste` the bytes of
    newsletter.ranking.taste, `hour` the local one in `zone`.
    """

    topics: tuple[int, ...]
    phrases: tuple[str, ...]
    muted: tuple[str, ...]
    minimum_votes: int
    papers_per_digest: int
    balance: int
    taste: bytes
    hour: int
    zone: str


class ReaderMaker:
    """Makes readers of some papers, one after the other."""

    def __init__(
        self,
        papers: Sequence[MadePaper],
        interests: int,
        archive: ArchiveStatistics,
        *,
        phrases: int,
        tastes: int,
        seed: int = 2,
    ) -> None:
        """`interests` is how many there are, `phrases` how many different ones the readers draw
        from, `tastes` how many are learned in full.
        """
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible world, no secret
        self.archive = archive
        self.papers = papers
        self.newest = max(paper.day for paper in papers)
        self.popularity = list(
            accumulate(self.chance.lognormvariate(0, 0.8) for _ in range(interests))
        )
        self.pool = phrase_pool(papers, phrases, self.chance)
        self.pool_weights = list(accumulate(1 / (rank + 200) for rank in range(len(self.pool))))
        self.words = [phrase for phrase in self.pool if " " not in phrase]
        self.tastes = [self._learned_taste() for _ in range(tastes)]

    def reader(self) -> Wishes:
        """Return the next reader."""
        chance = self.chance
        return Wishes(
            topics=self._topics(),
            phrases=self._phrases() if chance.random() < WITH_PHRASES else (),
            muted=self._muted() if chance.random() < WITH_MUTED else (),
            minimum_votes=chance.randint(1, 5) if chance.random() < 0.05 else 0,
            papers_per_digest=self._weighted(SIZES),
            balance=chance.randint(0, 100),
            taste=self._taste() if chance.random() < WITH_TASTE else b"",
            hour=self._weighted(HOURS),
            zone=self._weighted(ZONES),
        )

    def event(self, paper: MadePaper, day: date) -> TasteEvent:
        """Return what a reader does with a paper: mostly “more like this”, or a click, or
        “fewer”.
        """
        weight = self.chance.choices((1.0, 0.25, -1.0), weights=(6, 3, 1))[0]
        return TasteEvent(paper.title, paper.abstract, weight, day)

    def _weighted(self, choices: Sequence[tuple[Choice, int]]) -> Choice:
        values = [value for value, _ in choices]
        return self.chance.choices(values, weights=[weight for _, weight in choices])[0]

    def _topics(self) -> tuple[int, ...]:
        count = self.chance.randint(1, MOST_TOPICS)
        drawn = self.chance.choices(
            range(len(self.popularity)), cum_weights=self.popularity, k=count
        )
        return tuple(sorted(set(drawn)))

    def _phrases(self) -> tuple[str, ...]:
        count = self.chance.randint(1, MOST_PHRASES)
        drawn = self.chance.choices(self.pool, cum_weights=self.pool_weights, k=count)
        return tuple(dict.fromkeys(drawn))

    def _muted(self) -> tuple[str, ...]:
        count = self.chance.randint(1, MOST_MUTED)
        return tuple(dict.fromkeys(self.chance.choices(self.words, k=count)))

    def _taste(self) -> bytes:
        """Return one of the tastes after another event or two."""
        taste, papers = self.chance.choice(self.tastes)
        days = sorted(self.chance.sample(range(14), self.chance.randint(1, 2)), reverse=True)
        events = [
            self.event(self.chance.choice(papers), self.newest - timedelta(days=days_ago))
            for days_ago in days
        ]
        return learn(taste, events, self.archive)

    def _learned_taste(self) -> tuple[bytes, list[MadePaper]]:
        """Return a taste, and the papers it is about: those of one to three interests."""
        chance = self.chance
        liked = {chance.randrange(len(self.popularity)) for _ in range(chance.randint(1, 3))}
        papers = [paper for paper in self.papers if paper.about[0] in liked] or [*self.papers]
        days = sorted(
            (chance.randint(1, LAST_DAYS) for _ in range(chance.randint(*EVENTS_IN_FULL))),
            reverse=True,
        )
        events = [
            self.event(chance.choice(papers), self.newest - timedelta(days=days_ago))
            for days_ago in days
        ]
        return learn(b"", events, self.archive), papers


def phrase_pool(papers: Sequence[MadePaper], count: int, chance: random.Random) -> list[str]:
    """Return different phrases of one to three words in a row that papers have, `count` at most.

    A phrase that more papers have is drawn sooner. Of 6,000 phrases from 3,500 papers the median
    stands in one paper, the upper quartile in 8, the highest tenth in 56 or more, the mean in 17.
    Of the phrases of `seeds/topics.json`, by which real papers name their subject, these are 5, 15,
    38 and 21 (the lower quartile: 1), measured on 3,500 real papers (bench.papers).
    """
    spelled = [_WORD.findall(f"{paper.title} {paper.abstract}".lower()) for paper in papers]
    having = Counter(word for words in spelled for word in set(words))
    too_many = max(3, COMMON_WORD * len(papers))
    pool: dict[str, None] = {}
    for _ in range(TRIES * count):
        if len(pool) == count:
            break
        words = chance.choice(spelled)
        start, length = chance.randrange(len(words)), chance.choices((1, 2, 3), (3, 5, 2))[0]
        phrase = words[start : start + length]
        if _FUNCTION_WORDS.isdisjoint(phrase) and not (
            length == 1 and (having[phrase[0]] > too_many or not phrase[0].isalpha())
        ):
            pool[" ".join(phrase)] = None
    return list(pool)
