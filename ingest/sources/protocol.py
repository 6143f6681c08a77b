"""What every source that is asked over the network provides. Pure: values only;
docs/adding-a-source.md tells how to write one.

A run asks a source for a window of days, page by page. A `Position` says which page comes next; it
is a small JSON object that is stored between two pages, so that a run goes on where it stopped, in
any process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from ingest.sighting import Parsed

LONGEST_HOST = 253
"""Characters of a host name (RFC 1035 section 2.3.4, without the dot at its end)."""

Options = Mapping[str, Any]
Position = Mapping[str, Any]


class BadOptions(ValueError):
    """A source's options cannot work; the message says which and what it should be."""


class Window(NamedTuple):
    """The first and the last day that are asked for."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Request:
    """One page to ask for. `label` names it where staff look, without anything secret.

    `conditional` pages are asked with the validators of their last answer, and an unchanged one
    ends the run. `authorization` goes to the first host alone. `redirect_hosts` may be redirected
    to.
    """

    url: str
    label: str
    accept: str = "*/*"
    authorization: str = ""
    conditional: bool = False
    redirect_hosts: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer said, and where the next page is; None after the last.

    An answer that is not `whole` could be read in part: it is asked for again as if it had not been
    seen.
    """

    parsed: Parsed
    following: Position | None = None
    whole: bool = True


class SourceKind(Protocol):
    """A kind of source. Everything here is pure; asking and recording are the same for all
    kinds.
    """

    @property
    def daily(self) -> bool:
        """Whether something new is expected on every working day, so that nothing new is worth a
        warning and another look.
        """

    @property
    def window_counts(self) -> bool:
        """Whether a window can be asked for. A feed shows what it shows."""

    def first(self, window: Window, options: Options) -> Position:
        """Return the position of a window's first page.

        Raises:
            BadOptions: the options lack something or cannot be understood.
        """

    def request(self, position: Position, options: Options, key: str) -> Request:
        """Return what to ask for. `key` is the source's secret, empty when there is none."""

    def parse(
        self, content: bytes, position: Position, options: Options, seen_at: datetime
    ) -> Page:
        """Read an answer that was given at `seen_at` (UTC).

        Raises:
            Unreadable: it is not what the source sends; the page is asked for again later.
        """


def address(options: Options, default: str = "") -> str:
    """Return the option `url`, which says where the source is, or the `default`.

    Raises:
        BadOptions: it is no web address, or there is none. Whether it may be asked is for the
            client to judge.
    """
    url = str(options.get("url") or default)
    if not is_address(url):
        raise BadOptions(
            f"“url” must be a web address, such as {default or 'https://example.org/feed.xml'}."
        )
    return url if not default else url.rstrip("/")


def is_address(url: str) -> bool:
    """Tell whether a text is an http or https address whose parts can be told apart."""
    if not url.startswith(("https://", "http://")) or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it raises an error where it is no number
    except ValueError:  # such as “https://[::1”, whose bracket is not closed
        return False
    return 0 < len(parts.hostname or "") <= LONGEST_HOST
