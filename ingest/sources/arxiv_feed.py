"""arXiv's daily feed of some categories, as Atom or RSS. Pure: bytes in.

The feed is rebuilt at midnight of the US East Coast; on weekends and holidays it is empty, which is
no error. New papers and, by default, cross-lists are listed on the day they were announced.
Replacements list nothing: they are news of papers already known.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest import identity, prose
from ingest.cleaning import one_line
from ingest.failures import rejects_errors
from ingest.sighting import Parsed, Rejected, Sighting
from ingest.sources import entries
from ingest.sources.arxiv import ARXIV_HOSTS, categories, is_category, says_withdrawn
from ingest.sources.protocol import Options, Page, Position, Request, Window, address

FEED = "https://rss.arxiv.org/atom"
NEWS = frozenset({"replace", "replace-cross"})
_PREFIX = re.compile(r"\s*arXiv:\S+\s+Announce Type:\s*[\w-]+\s*(?:Abstract:)?\s*", re.IGNORECASE)
_ANNOUNCED = re.compile(r"Announce Type:\s*([\w-]+)", re.IGNORECASE)
_AFFILIATION = re.compile(r"\s*\([^()]*\)")
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})


@dataclass(frozen=True, slots=True)
class CategoryFeed:
    """The feed of arXiv. Options: `categories`, `cross_lists` (true by default), and `url`,
    which replaces the feed's address.
    """

    daily: bool = True
    window_counts: bool = False

    def first(
        self, window: Window, options: Options
    ) -> Position:  # of the protocol: a feed shows what it shows
        address(options, FEED)
        return {"categories": categories(options)}

    def request(self, position: Position, options: Options, key: str) -> Request:  # of the protocol
        wanted = "+".join(position["categories"])
        url = f"{address(options, FEED)}/{wanted}"
        return Request(
            url,
            f"feed of {wanted}",
            accept="application/atom+xml",
            conditional=True,
            redirect_hosts=ARXIV_HOSTS,
        )

    def parse(
        self, content: bytes, position: Position, options: Options, seen_at: datetime
    ) -> Page:  # of the protocol
        feed = entries.read(content)
        warnings = (
            [f"The feed is not well-formed, perhaps not whole: {feed.problem}"]
            if feed.problem
            else []
        )
        cross_lists = options.get("cross_lists", True) is not False
        read = (
            _sighting(entry, place, seen_at, cross_lists, warnings)
            for place, entry in enumerate(feed.entries, start=1)
        )
        return Page(Parsed.of(read, warnings), whole=not feed.problem)


@rejects_errors
def _sighting(
    entry: Mapping[str, Any], place: int, seen_at: datetime, cross_lists: bool, warnings: list[str]
) -> Sighting | Rejected:
    found = identity.arxiv_id(entries.text(entry, "id")) or identity.arxiv_id(
        entries.text(entry, "link")
    )
    title = prose.title(entries.text(entry, "title"))
    if found is None:
        return Rejected(
            f"“{one_line(entries.text(entry, 'id'), 60)}” is no arXiv id.", place, title[:200]
        )
    if not title:
        return Rejected("The title is missing.", place, found.number)
    summary = entries.text(entry, "summary")
    kind = (entries.text(entry, "arxiv_announce_type") or _announced(summary)).lower()
    listed = entries.day(entry, seen_at)
    if listed is None:
        listed = seen_at.date()
        warnings.append(f"Entry {place}: no day of announcement that can be; {listed} is taken.")
    only_known = kind in NEWS or (kind == "cross" and not cross_lists)
    abstract = prose.abstract(_PREFIX.sub("", summary, count=1))
    withdrawn = kind in NEWS and says_withdrawn(abstract)
    authors = _authors(entry)
    return Sighting(
        title=title,
        abstract="" if withdrawn else abstract,
        authors=authors,
        author_count=len(authors) or None,
        arxiv_id=found.number,
        arxiv_version=found.version,
        doi=identity.doi(entries.text(entry, "arxiv_doi").split(" ")[0]),
        categories=tuple(
            dict.fromkeys(
                tag["term"]
                for tag in entry.get("tags", ())
                if is_category(str(tag.get("term", "")))
            )
        ),
        withdrawn_at=seen_at if withdrawn else None,
        day=None if only_known else listed,
        seen_at=seen_at,
        line=place,
        only_known=only_known,
    )


def _announced(summary: str) -> str:
    match = _ANNOUNCED.search(summary)
    return match[1] if match else "new"


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the authors of the one comma-separated text that arXiv gives; a suffix belongs to
    the name before it.
    """
    people: list[str] = []
    for part in _AFFILIATION.sub("", entries.text(entry, "author")).split(","):
        if people and part.strip().lower() in _SUFFIXES:
            people[-1] = f"{people[-1]}, {part.strip()}"
        else:
            people.append(part)
    return prose.names(people)
