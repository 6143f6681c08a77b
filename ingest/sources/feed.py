"""Any RSS or Atom feed that announces papers, such as a journal's or a group's. Pure: bytes in.

An entry lists its paper on the day it was published in the feed. An arXiv id or a DOI is taken from
its id, its links or the fields that publishers use for it; without one, the title is all that says
which paper it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ingest import identity, prose
from ingest.cleaning import one_line, web_link
from ingest.failures import rejects_errors
from ingest.sighting import Parsed, Rejected, Sighting
from ingest.sources import entries
from ingest.sources.markup import text_of_html
from ingest.sources.protocol import Options, Page, Position, Request, Window, address

_ID_FIELDS = ("prism_doi", "dc_identifier", "doi", "id", "link")


@dataclass(frozen=True, slots=True)
class AnyFeed:
    """A feed at the address in the option `url`."""

    daily: bool = False
    window_counts: bool = False

    def first(
        self, window: Window, options: Options
    ) -> Position:  # of the protocol: a feed shows what it shows
        return {"url": address(options)}

    def request(self, position: Position, options: Options, key: str) -> Request:  # of the protocol
        parts = urlsplit(position["url"])
        return Request(
            url=position["url"],
            label=f"{parts.hostname}{parts.path}",
            accept="application/atom+xml, application/rss+xml, application/xml;q=0.9, "
            "text/xml;q=0.8",
            authorization=f"Bearer {key}" if key else "",
            conditional=True,
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
        read = (
            _sighting(entry, place, seen_at, warnings)
            for place, entry in enumerate(feed.entries, start=1)
        )
        return Page(Parsed.of(read, warnings), whole=not feed.problem)


@rejects_errors
def _sighting(
    entry: Mapping[str, Any], place: int, seen_at: datetime, warnings: list[str]
) -> Sighting | Rejected:
    title = prose.title(text_of_html(entries.text(entry, "title")))
    if not title:
        return Rejected("The title is missing.", place, one_line(entries.text(entry, "link"), 200))
    published = entries.day(entry, seen_at)
    if published is None:
        warnings.append(
            f"Entry {place}: no date that can be; {seen_at.date()} is taken as the day it was "
            "listed."
        )
    found = next((number for number in map(identity.arxiv_id, _ids(entry)) if number), None)
    authors = prose.names(str(author.get("name", "")) for author in entry.get("authors", ()))
    return Sighting(
        title=title,
        abstract=prose.abstract(text_of_html(_longest(entry))),
        authors=authors,
        author_count=len(authors) or None,
        arxiv_id=found.number if found else None,
        arxiv_version=found.version if found else None,
        doi=next((name for name in map(identity.doi, _ids(entry)) if name), None),
        link=web_link(entries.text(entry, "link")),
        published=published,
        day=published or seen_at.date(),
        seen_at=seen_at,
        line=place,
    )


def _ids(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from (entries.text(entry, name) for name in _ID_FIELDS)
    yield from (str(link.get("href", "")) for link in entry.get("links", ()))


def _longest(entry: Mapping[str, Any]) -> str:
    """Return the summary or the content, whichever says more."""
    contents = [str(content.get("value", "")) for content in entry.get("content", ())]
    return max([entries.text(entry, "summary"), *contents], key=len)
