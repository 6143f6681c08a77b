"""RSS and Atom, read into entries: what the feeds of arXiv and of anybody else share. Pure:
bytes in, no network.
"""

import io
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import feedparser

from ingest.cleaning import one_line
from ingest.sighting import Unreadable
from ingest.sources.records import EARLIEST_DAY

MOST_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that could be read. `problem` says why it is not well-formed, and so perhaps not
    whole; empty when it is.
    """

    title: str
    entries: tuple[Mapping[str, Any], ...]
    problem: str


def read(content: bytes) -> Feed:
    """Read RSS or Atom of any version.

    Raises:
        Unreadable: it is no feed, or an error page in the form of a feed.
    """
    if not content.strip():
        raise Unreadable("is empty: a feed is needed.")
    # A file object and no text: a text could be taken for an address or a path. Markup is removed
    # by us, where it is needed.
    feed = feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
    title = one_line(str(feed.feed.get("title", "")), 200)
    if not feed.version:
        kind = "HTML" if b"<html" in content[:2000].lower() else "broken, or something else"
        raise Unreadable(f"is no RSS or Atom feed but {kind}.")
    if "feed error for query" in title.lower():
        raise Unreadable(f"is an error in the form of a feed: {title}")
    # Plain dictionaries: feedparser's own answer with another field, and a warning, where one is
    # missing.
    entries = tuple(dict(entry) for entry in feed.entries[:MOST_ENTRIES])
    if len(entries) == 1 and "/api/errors" in str(entries[0].get("id", "")):
        raise Unreadable(
            "is an error in the form of a feed: "
            f"{one_line(str(entries[0].get('summary', '')), 200)}"
        )
    problem = one_line(str(feed.get("bozo_exception", "")), 200) if feed.bozo else ""
    return Feed(title, entries, "" if _harmless(feed) else problem)


def text(entry: Mapping[str, Any], name: str) -> str:
    """Return a text of an entry, or an empty one."""
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def day(entry: Mapping[str, Any], seen_at: datetime, *names: str) -> date | None:
    """Return the first of the named dates that can be one: not before arXiv, not later than a
    day after `seen_at`.
    """
    for name in names or ("published", "updated"):
        moment = entry.get(f"{name}_parsed")
        if moment:
            try:
                found = datetime.fromtimestamp(timegm(moment), UTC).date()
            except (OverflowError, ValueError):  # a year that no date can have
                continue
            if EARLIEST_DAY <= found <= (seen_at + timedelta(days=1)).date():
                return found
    return None


def _harmless(feed: Any) -> bool:
    """Tell whether all that is wrong is what the encoding was said to be: then the feed was read
    whole.
    """
    return isinstance(
        feed.get("bozo_exception"),
        (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType),
    )
