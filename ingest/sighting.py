"""Sighting: one line of a source, read but not yet stored. Pure values, handed from the parsers
to the recording.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

LARGEST_COUNT = 100_000_000
"""More votes or comments than this are a mistake of the source; the database would hold up to
2,147,483,647.
"""


class Unreadable(ValueError):
    """A whole body could not be read as what it should be; the message says what was found and
    what to do.
    """


@dataclass(frozen=True, slots=True)
class Reading:
    """Votes, comments and rank as they stood at one instant (UTC); None where the source does
    not say.
    """

    seen_at: datetime
    votes: int | None = None
    comments: int | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one entry says about a paper. Empty text, an empty tuple and None all mean: the source
    does not say.

    `day` is the source's own listing day; None when the entry describes a paper without listing it.
    `seen_at` (UTC) is when this was true: of two values from one source the later seen is believed.
    `year_inferred` marks a `published` whose year is a conclusion. `line` is where the entry stands
    in its body, from 1: the line of a text, the record of a JSON array. An `only_known` entry is
    news of a paper that is already stored, such as a new version, and makes no new one; it alone
    may lack a title.
    """

    title: str
    seen_at: datetime
    abstract: str = ""
    authors: tuple[str, ...] = ()
    author_count: int | None = None
    arxiv_id: str | None = None
    arxiv_version: int | None = None
    doi: str | None = None
    link: str = ""
    published: date | None = None
    year_inferred: bool = False
    categories: tuple[str, ...] = ()
    code_link: str = ""
    project_link: str = ""
    withdrawn_at: datetime | None = None
    day: date | None = None
    readings: tuple[Reading, ...] = ()
    line: int | None = None
    only_known: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that could not be read: where it stands, why, and how it begins."""

    reason: str
    line: int | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that one body said. Every entry of the body is in `sightings` or in `rejected`;
    `warnings` tell what was doubtful.
    """

    sightings: tuple[Sighting, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Sighting | Rejected], warnings: Iterable[str] = ()) -> "Parsed":
        """Sort entries, in their order, into those that could be read and those that could not.

        `warnings` may be a list that reading the entries fills; it is looked at after them.
        """
        read = list(entries)
        sightings = tuple(entry for entry in read if isinstance(entry, Sighting))
        return cls(
            sightings,
            tuple(entry for entry in read if isinstance(entry, Rejected)),
            tuple(warnings),
        )
