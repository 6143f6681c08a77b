"""The values that go into the ranking and come out of it. All scores are integers in
thousandths.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import NamedTuple

MAX_BOOST = 100
MAX_BALANCE = 100


@dataclass(frozen=True, slots=True)
class CandidatePaper:
    """One paper of an edition as it was known when the edition was frozen.

    `votes`, `votes_before` (the count about one day earlier) and `comments` are None where no
    source gave a number, which is not the same as 0. `listed` is the paper's first listing day.
    `boost` is the editor's hand, from -100 to 100. `pin_place` is the paper's place among the
    pinned papers, from 1, and 0 for a paper that is not pinned: pinned papers come first, in this
    order, for every reader who may get them. `duplicates_of` holds ids that were merged into this
    paper: who had one of them had this paper.
    """

    id: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    author_count: int | None
    categories: tuple[str, ...]
    published: date | None
    listed: date
    votes: int | None
    votes_before: int | None
    comments: int | None
    has_code: bool
    boost: int = 0
    pin_place: int = 0
    note: str = ""
    duplicates_of: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not -MAX_BOOST <= self.boost <= MAX_BOOST:
            raise ValueError(f"paper {self.id}: boost must be from -100 to 100, not {self.boost}")
        if self.pin_place < 0:
            raise ValueError(f"paper {self.id}: pin_place must be 0 or more, not {self.pin_place}")

    @property
    def pinned(self) -> bool:
        return self.pin_place > 0


@dataclass(frozen=True, slots=True)
class TopicDefinition:
    """A named interest. Following a topic follows the topics below it (`parent_id`) as well."""

    id: int
    name: str
    phrases: tuple[str, ...]
    categories: tuple[str, ...]
    parent_id: int | None
    description: str = ""


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """What one reader chose. Hashable: readers with equal profiles are ranked once.

    `topics` are ids of topics followed, `phrases` what the reader typed in their own words, `muted`
    words and phrases they never want to see. `balance` goes from 0 (only my topics) to 100 (only
    what trends). `taste` is the learned part, made by `taste.learn`, empty when nothing is known.
    """

    topics: tuple[int, ...]
    phrases: tuple[str, ...]
    muted: tuple[str, ...]
    minimum_votes: int
    papers_per_digest: int
    balance: int
    taste: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.balance <= MAX_BALANCE:
            raise ValueError(f"balance must be from 0 to 100, not {self.balance}")
        if self.papers_per_digest < 1:
            raise ValueError(f"papers_per_digest must be at least 1, not {self.papers_per_digest}")


class Parts(NamedTuple):
    """The named parts of a score, in thousandths; their sum is the score."""

    topic: int
    taste: int
    trend: int
    freshness: int
    editor: int

    @property
    def total(self) -> int:
        return sum(self)


class Reason(NamedTuple):
    """Why a paper is there. `kind` is topic, phrase, taste, trend, editor or fresh; `text` is
    plain text.
    """

    kind: str
    text: str


class Pick(NamedTuple):
    """One paper of a digest. `reasons` begins with the main one.

    `section` is "lead" (the first paper), "pinned" (the other papers that editors pinned), "topics"
    (the main list) or "also" (trending outside the reader's topics). `topic_id` is the topic it is
    shown under: None for a reader's own phrase, for learned taste, and for papers that match none
    of the reader's topics.
    """

    paper_id: int
    parts: Parts
    reasons: tuple[Reason, ...]
    section: str
    topic_id: int | None


_PAPER = itemgetter(Pick._fields.index("paper_id"))


def papers_of(picks: Iterable[Pick]) -> list[int]:
    """Return the ids of the picked papers."""
    return [*map(_PAPER, picks)]


class Explanation(NamedTuple):
    """The parts and reasons of one paper for one profile, computed again from frozen statistics."""

    paper_id: int
    parts: Parts
    reasons: tuple[Reason, ...]
    topic_id: int | None


class Selection(NamedTuple):
    """A reader's papers in order. `note` is empty, or an honest line about an empty or thin day."""

    picks: tuple[Pick, ...]
    note: str
