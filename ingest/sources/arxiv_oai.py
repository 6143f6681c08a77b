"""arXiv by OAI-PMH: everything that changed on some days, for catching up, and single papers by id.
Pure: bytes in.

Asked with `verb=ListRecords&metadataPrefix=arXiv&set=…&from=…&until=…`; a resumption token leads to
the next page. The dates of a request mean the days of modification. A record without an `updated`
date is a first version, and its datestamp the day it was announced: that is its listing day. Newer
versions, and papers that were withdrawn or deleted, are news of papers already known, and list
nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from lxml import etree

from ingest import identity, prose
from ingest.cleaning import one_line
from ingest.failures import rejects_errors
from ingest.sighting import Parsed, Rejected, Sighting, Unreadable
from ingest.sources.arxiv import ARXIV_HOSTS, categories, is_category, says_withdrawn, set_of
from ingest.sources.markup import xml_root
from ingest.sources.protocol import BadOptions, Options, Page, Position, Request, Window, address
from ingest.sources.records import EARLIEST_DAY

INTERFACE = "https://oaipmh.arxiv.org/oai"
LONGEST_WAY_TO_ANNOUNCEMENT = timedelta(days=30)
"""A first version whose submission lies longer back than this was not announced on its
datestamp, but touched by a clerk.
"""
MOST_RESTARTS = 2
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_ARXIV = "{http://arxiv.org/OAI/arXiv/}"


@dataclass(frozen=True, slots=True)
class Harvest:
    """arXiv's OAI-PMH interface. Options: `categories`, such as cs.AI, and `url`, which replaces
    the interface's address.
    """

    daily: bool = True
    window_counts: bool = True

    def first(self, window: Window, options: Options) -> Position:
        sets = [set_of(category) for category in categories(options)]
        address(options, INTERFACE)
        return {
            "sets": sets,
            "token": "",
            "from": window.first.isoformat(),
            "until": window.last.isoformat(),
            "restarts": 0,
            "page": 0,
        }

    def request(self, position: Position, options: Options, key: str) -> Request:  # of the protocol
        fresh = {
            "metadataPrefix": "arXiv",
            "set": position["sets"][0],
            "from": position["from"],
            "until": position["until"],
        }
        query = {"verb": "ListRecords"} | (
            {"resumptionToken": position["token"]} if position["token"] else fresh
        )
        label = (
            f"ListRecords {position['sets'][0]} {position['from']} to {position['until']} page "
            f"{position['page']}"
        )
        return Request(
            f"{address(options, INTERFACE)}?{urlencode(query)}",
            label,
            accept="text/xml",
            redirect_hosts=ARXIV_HOSTS,
        )

    def parse(
        self, content: bytes, position: Position, options: Options, seen_at: datetime
    ) -> Page:  # of the protocol
        root = xml_root(content, "OAI-PMH")
        error = root.find(f"{_OAI}error")
        if error is not None:
            return _after_error(str(error.get("code")), (error.text or "").strip(), position)
        warnings: list[str] = []
        records = enumerate(root.iter(f"{_OAI}record"), start=1)
        parsed = Parsed.of(
            (_entry(record, place, seen_at, warnings) for place, record in records), warnings
        )
        token = (root.findtext(f".//{_OAI}resumptionToken") or "").strip()
        if token and token != position["token"]:
            return Page(parsed, {**position, "token": token, "page": position["page"] + 1})
        return Page(parsed, _next_set(position))


@rejects_errors
def _entry(
    record: etree._Element, place: int, seen_at: datetime, warnings: list[str]
) -> Sighting | Rejected:
    identifier = (record.findtext(f"{_OAI}header/{_OAI}identifier") or "").strip()
    found = identity.arxiv_id(identifier)
    header = record.find(f"{_OAI}header")
    stamped = _day(record.findtext(f"{_OAI}header/{_OAI}datestamp"), seen_at)
    if found is None:
        return Rejected(f"“{one_line(identifier, 60)}” is no identifier of arXiv.", place)
    if header is not None and header.get("status") == "deleted":
        return Sighting(
            title="",
            seen_at=seen_at,
            arxiv_id=found.number,
            withdrawn_at=_midnight(stamped, seen_at),
            line=place,
            only_known=True,
        )
    metadata = record.find(f"{_OAI}metadata/{_ARXIV}arXiv")
    title = prose.title(_text(metadata, "title"))
    if metadata is None or not title:
        return Rejected("The record has no title.", place, found.number)
    return _described(metadata, title, found.number, stamped, seen_at, place, warnings)


def _described(
    metadata: etree._Element,
    title: str,
    number: str,
    stamped: date | None,
    seen_at: datetime,
    place: int,
    warnings: list[str],
) -> Sighting:
    created, updated = _day(_text(metadata, "created"), seen_at), _text(metadata, "updated")
    if created is None:
        warnings.append(
            f"Record {place}: “{one_line(_text(metadata, 'created'), 40)}” cannot be the day it "
            "was submitted; left out."
        )
    is_first = (
        not updated
        and created is not None
        and stamped is not None
        and stamped - created <= LONGEST_WAY_TO_ANNOUNCEMENT
    )
    abstract = prose.abstract(_text(metadata, "abstract"))
    withdrawn = says_withdrawn(_text(metadata, "comments"), abstract)
    authors = prose.names(_names(metadata))
    return Sighting(
        title=title,
        abstract="" if withdrawn else abstract,
        authors=authors,
        author_count=len(authors) or None,
        arxiv_id=number,
        doi=identity.doi(_text(metadata, "doi").split(" ")[0]),
        published=created,
        categories=tuple(
            term for term in _text(metadata, "categories").split() if is_category(term)
        ),
        withdrawn_at=_midnight(_day(updated, seen_at) or stamped, seen_at) if withdrawn else None,
        day=stamped if is_first and not withdrawn else None,
        seen_at=seen_at,
        line=place,
        only_known=not is_first or withdrawn,
    )


def _names(metadata: etree._Element) -> Iterator[str]:
    for author in metadata.iterfind(f"{_ARXIV}authors/{_ARXIV}author"):
        parts = (
            author.findtext(f"{_ARXIV}{name}") or "" for name in ("forenames", "keyname", "suffix")
        )
        yield " ".join(filter(None, (part.strip() for part in parts)))


def _text(metadata: etree._Element | None, name: str) -> str:
    return (
        "" if metadata is None else " ".join((metadata.findtext(f"{_ARXIV}{name}") or "").split())
    )


def _day(text: str | None, seen_at: datetime) -> date | None:
    """Read a date that can be one of arXiv's."""
    try:
        day = date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None
    return day if EARLIEST_DAY <= day <= (seen_at + timedelta(days=1)).date() else None


def _midnight(day: date | None, seen_at: datetime) -> datetime:
    return datetime.combine(day, time(), UTC) if day else seen_at


def _after_error(code: str, words: str, position: Position) -> Page:
    """Go on after an answer that is an error of the protocol (OAI-PMH 2.0, section 3.6).

    No records is an answer like others. A token lives until the end of the day: with an expired one
    the set is begun again, a few times.
    """
    if code == "noRecordsMatch":
        return Page(Parsed(), _next_set(position))
    if code == "badResumptionToken" and position["token"] and position["restarts"] < MOST_RESTARTS:
        warning = (
            f"The resumption token of {position['sets'][0]} has expired; the set is read from its "
            "beginning."
        )
        return Page(
            Parsed(warnings=(warning,)),
            {**position, "token": "", "page": 0, "restarts": position["restarts"] + 1},
        )
    raise Unreadable(f"is an error of OAI-PMH: {one_line(code, 60)} {one_line(words, 200)}")


def _next_set(position: Position) -> Position | None:
    later = position["sets"][1:]
    return {**position, "sets": later, "token": "", "page": 0, "restarts": 0} if later else None


@dataclass(frozen=True, slots=True)
class OnePaper:
    """One paper by its id, which comes as the option `id`: what staff ask for. It is listed on
    the last day of the window.
    """

    daily: bool = False
    window_counts: bool = False

    def first(self, window: Window, options: Options) -> Position:
        found = identity.arxiv_id(str(options.get("id", "")))
        if found is None:
            raise BadOptions(
                f"“{one_line(str(options.get('id', '')), 60)}” is no arXiv id, such as 2501.01234, "
                "nor its address."
            )
        address(options, INTERFACE)
        return {"id": found.number, "day": window.last.isoformat()}

    def request(self, position: Position, options: Options, key: str) -> Request:  # of the protocol
        query = {
            "verb": "GetRecord",
            "metadataPrefix": "arXiv",
            "identifier": f"oai:arXiv.org:{position['id']}",
        }
        return Request(
            f"{address(options, INTERFACE)}?{urlencode(query)}",
            f"GetRecord {position['id']}",
            accept="text/xml",
            redirect_hosts=ARXIV_HOSTS,
        )

    def parse(
        self, content: bytes, position: Position, options: Options, seen_at: datetime
    ) -> Page:  # of the protocol
        root = xml_root(content, "OAI-PMH")
        error = root.find(f"{_OAI}error")
        if error is not None and error.get("code") == "idDoesNotExist":
            return Page(Parsed(rejected=(Rejected(f"arXiv has no paper {position['id']}."),)))
        if error is not None:
            raise Unreadable(
                f"is an error of OAI-PMH: {one_line(str(error.get('code')), 60)} "
                f"{one_line(error.text or '', 200)}"
            )
        warnings: list[str] = []
        entries = [
            _entry(record, place, seen_at, warnings)
            for place, record in enumerate(root.iter(f"{_OAI}record"), start=1)
        ]
        wanted = [
            replace(entry, day=date.fromisoformat(position["day"]), only_known=False)
            for entry in entries
            if isinstance(entry, Sighting) and entry.arxiv_id == position["id"]
        ]
        if not wanted:
            return Page(
                Parsed(
                    rejected=(Rejected(f"The answer does not hold the paper {position['id']}."),),
                    warnings=tuple(warnings),
                )
            )
        return Page(Parsed(tuple(wanted), warnings=tuple(warnings)))
