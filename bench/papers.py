"""Made-up papers that are shaped like real ones, for every bench. Pure: the same seed gives the
same papers.

The words are made of syllables, beside plain function words and the phrases of the topics; no
real text is in here. The shape of real papers was measured on 3,500 papers of real days: 20 arXiv
announcement days of January and February 2026 (cs.CV, cs.CL, cs.AI and smaller lists, 4,270
papers) with the papers that the community listed since 5 January (792, of which 283 are also
among the former), shuffled. Words and terms are those of `newsletter.ranking.text`.
`tests/bench/test_papers.py` measures the same on made-up papers and compares.

| measured on 3,500 papers | real | made up here |
| --- | --- | --- |
| words of a title: mean, deviation | 11.1, 3.2 | 11.1, 3.3 |
| words of an abstract: mean, deviation | 185, 41 | 187, 41 |
| characters of an abstract, mean | 1,318 | 1,250 |
| share of stop words in abstracts | .27 | .27 |
| different single stems of a paper, mean | 100 | 99 |
| different terms of a paper (stems, pairs and triples), mean | 369 | 380 |
| different stems, pairs, triples of all | 15,079, 280,590, 443,468 | 15,618, 278,291, 455,071 |
| of these in two papers or more | 6,751, 55,428, 15,929 | 7,071, 49,633, 15,687 |
| share of papers with the 10th, 100th, 1,000th stem | .44, .17, .020 | .55, .18, .018 |
| share of papers with the 10th, 100th, 1,000th pair | .099, .027, .006 | .120, .040, .009 |
| stems that two papers share (Jaccard), mean, 95 % | .069, .115 | .081, .127 |
| cosine of two papers (idf of stems), mean, 95 % | .037, .075 | .030, .071 |
| cosine of a paper and the one nearest to it, mean | .163 | .183 |
| topics of `seeds/topics.json` named by a paper, mean | 2.4 | 2.3 |
| share of papers with a topic: quartiles, most | .015, .027, .051, .29 | .012, .022, .051, .22 |

Beside the texts: a paper has 1.6 categories in the mean, of which the first is cs.CV (.37), cs.CL
(.30), cs.AI (.22) or cs.IT (.06); 6 authors in the median, 95 % have at most 12 (arXiv) or 26 (the
community's list), and 13 % of the names stand on two papers or more. Upvotes on the day: quartiles
2, 5 and 14, 95 % have at most 46, 99 % at most 93; .45 of the listed papers have a code link.
"""

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from math import exp
from typing import Any, TypeVar

Choice = TypeVar("Choice")

FUNCTION_WORDS = tuple(
    word
    for line in (
        "the of and to in a for we that is on with as by are this from be it can which an or these",
        "at our using their not between more than but via into have its most based such also both",
    )
    for word in line.split()
)
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
ENDINGS = ("", "s", "ing", "ed", "ly")
ENDING_WEIGHTS = (80, 85, 93, 98, 100)
WORDS = 5_200
SHIFT, EXPONENT = 50, 1.7
"""The word of rank r is drawn with a weight of 1 / (r + SHIFT) ** EXPONENT (Zipf-Mandelbrot)."""
FOLLOWING, FOLLOWERS = 0.34, 10
"""Every third word is one of ten that often follow the word before it: so pairs and triples of
words are found in several papers.
"""
OF_THE_FIELD, FIELD_WORDS, FIELD_RANKS = 0.4, 120, (60, 4_000)
"""Of the others, 40 % are words of the paper's field: each field prefers 120 of the words with
these ranks.
"""
REPEATED = 0.4
"""Of the rest, 40 % are words that the paper used before."""
STOP, STOP_IN_TITLE = 0.29, 0.2
COINED = 1.6
"""Names that a paper introduces, which no other paper has: the mean number."""
MOST_TOPICS, ANOTHER_TOPIC = 6, 0.58
READ_AT = (time(4, 20), time(12, 30), time(18, 30))
"""When the community's list is read each day, UTC."""
REREAD = timedelta(days=5)
VOTES_MEDIAN, VOTES_SPREAD = 6, 1.1
GROWTH = timedelta(hours=20)
"""A listing has 63 % of its votes after this time."""
CATEGORIES = (
    ("cs.CV", 37),
    ("cs.CL", 30),
    ("cs.AI", 22),
    ("cs.IT", 6),
    ("cs.GT", 3),
    ("cs.CE", 1),
    ("cs.GR", 1),
)
MORE_CATEGORIES = (
    "cs.AI",
    "cs.LG",
    "cs.CL",
    "cs.CV",
    "cs.RO",
    "cs.HC",
    "cs.IR",
    "cs.MA",
    "stat.ML",
)
AUTHORS_KNOWN = 80_000


@dataclass(frozen=True, slots=True)
class Interest:
    """What papers can be about: the phrases by which they name it, and its categories."""

    phrases: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MadePaper:
    """A paper as a source shows it. `votes` is what its listing ends with; None where the source
    counts none. `about` are the numbers of its interests, the main one first.
    """

    arxiv_id: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    day: date
    has_code: bool
    votes: int | None
    about: tuple[int, ...]

    @property
    def listed_at(self) -> datetime:
        return datetime.combine(self.day, time(0), UTC)

    def votes_at(self, instant: datetime) -> int | None:
        """Return the votes that its listing shows at an instant."""
        if self.votes is None:
            return None
        return round(self.votes * (1 - exp(-max((instant - self.listed_at) / GROWTH, 0))))

    def readings(self, until: datetime) -> list[tuple[datetime, int]]:
        """Return when its votes were seen to change, up to `until`, and how many they were."""
        seen: list[tuple[datetime, int]] = []
        for number in range((REREAD.days + 1) * len(READ_AT)):
            days, place = divmod(number, len(READ_AT))
            instant = datetime.combine(self.day + timedelta(days=days), READ_AT[place], UTC)
            votes = self.votes_at(instant)
            if votes is None or instant > until:
                break
            if not seen or seen[-1][1] != votes:
                seen.append((instant, votes))
        return seen

    def record(self, until: datetime) -> dict[str, Any]:
        """Return the paper with its vote history as a line of JSON Lines (ingest.sources.jsonl)."""
        known: dict[str, Any] = {
            "arxiv_id": self.arxiv_id,
            "title": self.title,
            "abstract": self.abstract,
            "authors": list(self.authors),
            "categories": list(self.categories),
            "day": self.day.isoformat(),
            "published": self.day.isoformat(),
        }
        if self.has_code:
            known["code_link"] = f"https://code.example.org/{self.arxiv_id}"
        if self.votes is not None:
            known["counts"] = [[at.isoformat(), votes, 1] for at, votes in self.readings(until)]
        return known


class PaperMaker:
    """Makes papers about some of the interests, one after the other."""

    def __init__(self, interests: Sequence[Interest], seed: int = 1) -> None:
        self.interests = tuple(interests)
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible world, no secret
        self.words = self._vocabulary()
        self.interest_weights = self._weights(
            self.chance.lognormvariate(0, 1) for _ in self.interests
        )
        self.fields = [self.chance.sample(range(*FIELD_RANKS), FIELD_WORDS) for _ in self.interests]
        self._any = self._drawer(range(WORDS), self._word_weights())
        self._function_word = self._drawer(FUNCTION_WORDS, self._rank_weights[len(FUNCTION_WORDS)])
        self._ending = self._drawer(ENDINGS, ENDING_WEIGHTS)
        self._followers: dict[int, list[int]] = {}
        self._made = 0

    @staticmethod
    def _weights(weights: Iterator[float]) -> list[float]:
        return list(accumulate(weights))

    def _word_weights(self) -> list[float]:
        return self._weights(1 / (rank + SHIFT) ** EXPONENT for rank in range(WORDS))

    def _drawer(
        self, choices: Sequence[Choice], cum_weights: Sequence[float]
    ) -> Callable[[], Choice]:
        """Return what draws one of the choices at a time, many ahead: that is five times faster."""

        def drawn() -> Iterator[Choice]:
            while True:
                yield from self.chance.choices(choices, cum_weights=cum_weights, k=4_096)

        return drawn().__next__

    @cached_property
    def _rank_weights(self) -> list[list[float]]:
        """Weights of the first, second, … of a few: 1, 1/2, …, for each number of them."""
        return [self._weights(1 / (rank + 1) for rank in range(size)) for size in range(200)]

    def ranked(self, choices: Sequence[Choice]) -> Choice:
        """Return one of fewer than 200, earlier ones more often (Zipf's law)."""
        weights = self._rank_weights[len(choices)]
        return choices[bisect(weights, self.chance.random() * weights[-1])]

    def day(self, day: date, count: int, voted: float = 0.1) -> list[MadePaper]:
        """Return the papers of a listing day, of which the share `voted` has votes."""
        having = round(count * voted)
        return [self.paper(day, voted=number < having) for number in range(count)]

    def paper(self, day: date, *, voted: bool) -> MadePaper:
        """Return the next paper, listed on `day`."""
        chance = self.chance
        about = self._about()
        named = [
            self.ranked(self.interests[one].phrases)
            for one in about
            for _ in range(chance.choice((1, 1, 2, 3)))
        ]
        coined = [self._coined() for _ in range(min(8, round(chance.expovariate(1 / COINED))))]
        names = [name for name in coined for _ in range(chance.choice((1, 2)))]
        length = min(320, max(40, round(chance.gauss(182, 41))))
        abstract = _sentences(self._tokens(length, STOP, about, named + names), chance)
        title = self._title(about, named, coined)
        self._made += 1
        return MadePaper(
            arxiv_id=f"{day:%y%m}.{self._made % 100_000:05}",
            title=title,
            abstract=f"{abstract} {_formula(chance)}".rstrip(),
            authors=self._authors(voted=voted),
            categories=self._categories(about),
            day=day,
            has_code=voted and chance.random() < 0.45,
            votes=self._votes(about) if voted else None,
            about=tuple(about),
        )

    def _vocabulary(self) -> list[str]:
        """Return words of five letters, and of seven, as common ones are short."""
        words: dict[str, None] = {}
        while len(words) < WORDS:
            syllables = 2 if len(words) < 300 else self.chance.choice((3, 3, 4))
            words[
                "".join(map(self.chance.choice, (CONSONANTS, VOWELS) * syllables + (CONSONANTS,)))
            ] = None
        return list(words)

    def _about(self) -> list[int]:
        """Return the numbers of a paper's interests, the main one first."""
        count = 1
        while count < MOST_TOPICS and self.chance.random() < ANOTHER_TOPIC:
            count += 1
        drawn = self.chance.choices(
            range(len(self.interests)), cum_weights=self.interest_weights, k=count
        )
        return list(dict.fromkeys(drawn))

    def _coined(self) -> str:
        """Return a name that no other paper has."""
        return "".join(
            map(self.chance.choice, (CONSONANTS, VOWELS) * 3)
        ).title() + self.chance.choice(("Net", "Bench", "GPT", "X", "Former", "Diff", "LM", "RL"))

    def _tokens(
        self, length: int, stop: float, about: Sequence[int], inserted: Sequence[str]
    ) -> list[str]:
        """Return that many words, with what is to be `inserted` at random places."""
        chance = self.chance
        waiting = sorted(((chance.randrange(length), text) for text in inserted), reverse=True)
        tokens: list[str] = []
        used: list[int] = []
        word: int | None = None
        place = 0
        while place < length:
            if waiting and place >= waiting[-1][0]:
                text = waiting.pop()[1]
                tokens.append(text)
                place += len(text.split())
                word = None
                continue
            place += 1
            if chance.random() < stop:
                tokens.append(self._function_word())
                continue
            word = self._next(word, about, used)
            used.append(word)
            tokens.append(self.words[word] + self._ending())
        return tokens

    def _next(self, word: int | None, about: Sequence[int], used: Sequence[int]) -> int:
        """Return the number of the next word: one that likes to follow, one of the paper's field,
        one that the paper has used, or any.
        """
        chance = self.chance
        if word is not None and chance.random() < FOLLOWING:
            if word not in self._followers:
                self._followers[word] = [self._any() for _ in range(FOLLOWERS)]
            return self.ranked(self._followers[word])
        if about and chance.random() < OF_THE_FIELD:
            return self.ranked(self.fields[chance.choice(about)])
        if used and chance.random() < REPEATED:
            return chance.choice(used)
        return self._any()

    def _title(self, about: Sequence[int], named: Sequence[str], coined: Sequence[str]) -> str:
        length = min(22, max(3, round(self.chance.gauss(10.4, 3.2))))
        subject = [self.chance.choice(named)] if named and self.chance.random() < 0.6 else []
        title = " ".join(self._tokens(length, STOP_IN_TITLE, about, subject))
        title = title[0].upper() + title[1:]
        return f"{coined[0]}: {title}" if coined and self.chance.random() < 0.7 else title

    def _authors(self, *, voted: bool) -> tuple[str, ...]:
        median, spread = (8, 0.7) if voted else (5, 0.6)
        count = min(60, max(1, round(self.chance.lognormvariate(0, spread) * median)))
        numbers = {int(AUTHORS_KNOWN * self.chance.random() ** 1.1) for _ in range(count)}
        return tuple(
            f"{self.words[number % 1_500].title()} {self.words[number // 16].title()}"
            for number in sorted(numbers, key=lambda one: (one * 7_919) % AUTHORS_KNOWN)
        )

    def _categories(self, about: Sequence[int]) -> tuple[str, ...]:
        chance = self.chance
        of_the_main = self.interests[about[0]].categories
        names, weights = zip(*CATEGORIES, strict=True)
        first = (
            chance.choice(of_the_main)
            if of_the_main and chance.random() < 0.4
            else chance.choices(names, weights=weights)[0]
        )
        more = [self.ranked(MORE_CATEGORIES) for _ in range(3) if chance.random() < 0.22]
        return tuple(dict.fromkeys((first, *more)))

    def _votes(self, about: Sequence[int]) -> int:
        """Return votes, more of them in some fields, so that past votes say something."""
        liked = 0.4 if about[0] % 3 == 0 else -0.25
        return min(2_000, int(VOTES_MEDIAN * self.chance.lognormvariate(liked, VOTES_SPREAD)))


def _sentences(tokens: Sequence[str], chance: random.Random) -> str:
    """Return the words as sentences of about 25, with commas, hyphens and now and then an
    abbreviation in brackets.
    """
    text: list[str] = []
    start = 0
    while start < len(tokens):
        end = min(len(tokens), start + chance.randint(16, 34))
        sentence = list(tokens[start:end])
        if chance.random() < 0.2:
            initials = "".join(word[0] for word in sentence[-3:]).upper()
            sentence.append(f"({initials})")
        for place in range(1, len(sentence) - 1):
            if chance.random() < 0.05:
                sentence[place] += ","
        joined = "".join(
            word
            if not place
            else ("-" if _joins(sentence[place - 1], word, chance) else " ") + word
            for place, word in enumerate(sentence)
        )
        text.append(joined[:1].upper() + joined[1:] + ".")
        start = end
    return " ".join(text)


def _joins(before: str, word: str, chance: random.Random) -> bool:
    return (
        before.isalpha()
        and word.isalpha()
        and len(before) > 4 < len(word)
        and chance.random() < 0.1
    )


def _formula(chance: random.Random) -> str:
    """Return for every sixth abstract some TeX."""
    if chance.random() > 0.17:
        return ""
    size = chance.randint(2, 9)
    return (
        rf"It takes $O(n^{size})$ steps, $\epsilon \le 0.{size}$ at {10 * size}\% of \emph{{all}}."
    )
