"""What composing works on: an edition's content, a reader's digest, and the rendered mail.
Values only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

Section = Literal["lead", "pinned", "topics", "also"]


@dataclass(frozen=True, slots=True)
class PaperCard:
    """A paper as a digest shows it. Text is plain and hostile: it is cleaned and escaped here,
    never before.

    What is not known is None or empty. `votes_before` is the count about one day earlier.
    """

    id: int
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    author_count: int | None = None
    url: str = ""
    published: date | None = None
    votes: int | None = None
    votes_before: int | None = None
    comments: int | None = None
    has_code: bool = False
    code_url: str = ""
    editor_note: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class EditionContent:
    """All that an edition may show, in one language. `cadence` is "daily" or "weekly"."""

    edition_id: int
    cadence: str
    day: date
    papers: Sequence[PaperCard]
    editor_note: str = ""
    health_line: str = ""
    language: str = "en"


class DigestPick(NamedTuple):
    """One paper of a digest, in the order the reader sees it. A tuple, because cards are found by
    it, ten for every digest.

    `reasons` are what the reader reads, the main one first. Picks of the section `topics` that
    follow each other under one `topic` (its name) share a heading.
    """

    paper_id: int
    reasons: tuple[str, ...] = ()
    section: Section = "topics"
    topic: str = ""


class DigestLinks(NamedTuple):
    """Where a digest's links lead: absolute, ASCII, ending with a slash, signed for one reader or
    delivery.

    Under `act` the digest links to `more/PAPER/` and `fewer/PAPER/`. Without `act` it offers
    neither. Titles lead straight to the paper, or, where clicks are counted, to `PAPER/` under
    `read`.
    """

    leave: str
    preferences: str
    view: str
    act: str = ""
    read: str = ""


class Digest(NamedTuple):
    """What one reader gets from an edition. A tuple, because one is made for every mail.

    `message_key` makes the Message-ID: a keyed hash of edition and subscriber in letters and
    digits, so that the same digest has the same id whenever it is rendered. `note` is an honest
    line about a thin day. `first` marks the digest after confirming.
    """

    edition_id: int
    delivery_id: int
    subscriber_id: int
    address: str
    picks: tuple[DigestPick, ...]
    links: DigestLinks
    message_key: str
    language: str = "en"
    note: str = ""
    first: bool = False


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A digest ready to be put into a message. `papers` are the ids it really shows, which a
    weight limit may have cut.
    """

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    papers: tuple[int, ...] = ()
