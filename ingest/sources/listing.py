"""Listing pages saved as text: a header with the page's date, then a title, an abstract and often a
few facts per paper.

    new / Get trending papers … / Subscribe / Daily Papers / byAK and the research community / Dec
    15      (header, one block each) A Title
    (one block) Its abstract.
    (one block)
      • 7 authors
      (facts: one block of three
    ·
    lines, or nothing at all) Oct 5, 2022 3

Blocks are parted by empty lines. The page names no year: it is given, or concluded from the day of
import. A date without a year is of the page's own year. The number after a date counts comments.
The order on the page means nothing, and neither does a publication date say when a paper was
listed. Pure: bytes in, Sightings out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from ingest import prose
from ingest.cleaning import MANY_AUTHORS, one_line
from ingest.failures import rejects_errors
from ingest.sighting import LARGEST_COUNT, Parsed, Reading, Rejected, Sighting, Unreadable

TITLE_BOUND = 300
"""A longer text is no title: a line is missing before it. The longest title on the pages seen
has 159 characters.
"""
FACT_BOUND = 60
"""A longer text that begins with a bullet is an abstract that does so, not a line of authors."""
HEADER_TEXTS = 12
"""How many texts may stand before the page's date; the pages seen have five or six."""
KNOWN_HEADER = frozenset(
    {
        "new",
        "get trending papers in your email inbox!",
        "subscribe",
        "daily papers",
        "byak and the research community",
        "by ak and the research community",
    }
)
EXCERPT = 200

_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DATE = re.compile(
    rf"(?P<month>{'|'.join(_MONTHS)}) (?P<day>[0-9]{{1,2}})(?:, (?P<year>[0-9]{{4}}))?(?: "
    rf"(?P<number>[0-9]{{1,12}}))?"
)
_AUTHORS = re.compile(r"• *([0-9]{1,12}) authors?")
_MARKUP = re.compile(r"\s*(?:<!doctype|<html|<\?xml|<head|[\[{]\s*[\"{\]}])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Text:
    """Lines that stand together: a title or an abstract."""

    line: int
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """The lines below an entry, from the line of authors to the date."""

    line: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    title: _Text
    abstract: _Text
    facts: _Facts | None


@dataclass(frozen=True, slots=True)
class _Page:
    day: date
    year_inferred: bool

    @property
    def seen_at(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)


def parse(content: bytes, *, today: date, page_year: int | None = None) -> Parsed:
    """Read one page. Its papers are listed on the page's day; what it says was seen at the midnight
    that begins that day (UTC).

    Without `page_year` the year is the latest in which the page's date is not after `today`, and
    dates that lean on it are marked `year_inferred`. A date that contradicts the page (a bare date
    after it, a written year that is not before it, a day that does not exist) is dropped with a
    warning, and the paper kept.

    Raises:
        Unreadable: the content is empty, binary, HTML or JSON.
    """
    blocks = list(_blocks(_lines(content)))
    warnings: list[str] = []
    page, blocks = _page(blocks, today, page_year, warnings)
    parsed = Parsed.of((_read(entry, page, warnings) for entry in _entries(blocks)), warnings)
    return (
        parsed
        if parsed.sightings or parsed.rejected
        else replace(parsed, warnings=(*parsed.warnings, "The page has no entry."))
    )


def _lines(content: bytes) -> list[_Line]:
    """Split into lines, each decoded by itself, so that one bad byte costs one entry and not the
    page.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("is UTF-16 text: save it as UTF-8.")
    if b"\0" in content:
        raise Unreadable("holds binary data: a listing page as text is needed.")
    raw = (
        content.removeprefix(b"\xef\xbb\xbf")
        .replace(b"\r\n", b"\n")
        .replace(b"\r", b"\n")
        .split(b"\n")
    )
    lines = [_decoded(number, line) for number, line in enumerate(raw, start=1)]
    filled = [line for line in lines if line.text.strip()]
    if not filled:
        raise Unreadable("is empty: a listing page as text is needed.")
    if _MARKUP.match("\n".join(line.text for line in filled[:3])):
        raise Unreadable("holds HTML or JSON: a listing page as text is needed.")
    if all(line.problem for line in filled):
        raise Unreadable("has no line of UTF-8 text: a listing page as UTF-8 text is needed.")
    return lines


def _decoded(number: int, raw: bytes) -> _Line:
    try:
        return _Line(number, raw.decode())
    except UnicodeDecodeError as error:
        problem = (
            f"line {number} is not UTF-8: byte 0x{raw[error.start]:02x} at place {error.start + 1}"
        )
        return _Line(number, raw.decode(errors="replace"), problem)


def _blocks(lines: Iterable[_Line]) -> Iterator[_Text | _Facts]:
    """Group lines into texts and facts. Facts are known by their bullet, also where the empty
    lines around them are missing or too many.
    """
    text: list[_Line] = []
    facts: list[_Line] = []
    torn = False  # an empty line stands inside the facts
    for line in lines:
        stripped = " ".join(line.text.split())
        if not stripped:
            torn = True
            if text:
                yield _joined(text)
                text = []
        elif _AUTHORS.fullmatch(stripped) or (
            not text and stripped.startswith("•") and len(stripped) <= FACT_BOUND
        ):
            yield from _closed(text, facts)
            text, facts, torn = [], [line], False
        elif facts and (not torn or stripped == "·" or _DATE.fullmatch(stripped)):
            facts.append(line)
            if _DATE.fullmatch(stripped):
                yield from _closed([], facts)
                facts = []
        else:
            yield from _closed([], facts)
            facts = []
            text.append(line)
    yield from _closed(text, facts)


def _closed(text: list[_Line], facts: list[_Line]) -> Iterator[_Text | _Facts]:
    if text:
        yield _joined(text)
    if facts:
        yield _Facts(facts[0].number, tuple(" ".join(line.text.split()) for line in facts))


def _joined(lines: Sequence[_Line]) -> _Text:
    problem = next((line.problem for line in lines if line.problem), "")
    return _Text(lines[0].number, " ".join(line.text.strip() for line in lines), problem)


def _page(
    blocks: list[_Text | _Facts], today: date, page_year: int | None, warnings: list[str]
) -> tuple[_Page, list[_Text | _Facts]]:
    """Find the page's date and return it with the blocks after the header."""
    for place, block in enumerate(blocks[: HEADER_TEXTS + 1]):
        if isinstance(block, _Facts):
            break
        match = _DATE.fullmatch(block.text)
        if match and not match["number"]:
            written = int(match["year"]) if match["year"] else None
            day = _page_day(_MONTHS[match["month"]], int(match["day"]), today, page_year or written)
            if day is None:
                warnings.append(
                    f"Line {block.line}: the page date “{block.text}” does not exist; the day of "
                    f"import, {today}, is taken."
                )
            elif day > today:
                warnings.append(
                    f"Line {block.line}: the page date {day} lies after the day of import, {today}."
                )
            return _Page(day or today, year_inferred=not (page_year or written)), blocks[
                place + 1 :
            ]
    warnings.append(f"The page names no date; the day of import, {today}, is taken.")
    kept = [
        block
        for block in blocks
        if isinstance(block, _Facts) or block.text.casefold() not in KNOWN_HEADER
    ]
    return _Page(
        today.replace(year=page_year) if page_year else today, year_inferred=not page_year
    ), kept


def _page_day(month: int, day: int, today: date, year: int | None) -> date | None:
    """Return the page's day in the given year, or the latest such day that is not after `today`;
    None when there is none.
    """
    if year:
        return _date(year, month, day)
    days = (
        _date(year, month, day) for year in range(today.year, today.year - 9, -1)
    )  # 29 February may be eight years ago
    return next((found for found in days if found and found <= today), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _entries(blocks: Sequence[_Text | _Facts]) -> Iterator[_Entry | Rejected]:
    """Pair titles with abstracts. Facts end an entry for certain, so a missing line never spoils
    more than the entry it is missing in.
    """
    texts: list[_Text] = []
    for block in blocks:
        if isinstance(block, _Text):
            texts.append(block)
            continue
        if not texts:
            yield Rejected(
                "Facts stand here without a title and an abstract before them.",
                block.line,
                _excerpt(" ".join(block.lines)),
            )
        yield from _pairs(texts, block)
        texts = []
    yield from _pairs(texts, None)


def _pairs(texts: Sequence[_Text], facts: _Facts | None) -> Iterator[_Entry | Rejected]:
    """Pair the texts of one stretch; the facts belong to its last pair."""
    place = 0
    while place < len(texts):
        title = texts[place]
        if len(title.text) > TITLE_BOUND:
            yield Rejected(
                "The title is missing before this text, which is too long for one.",
                title.line,
                _excerpt(title.text),
            )
            place += 1
        elif place + 1 == len(texts) or _abstract_is_missing(texts, place):
            yield Rejected(
                "The abstract is missing after this title.", title.line, _excerpt(title.text)
            )
            place += 1
        else:
            place += 2
            yield _Entry(title, texts[place - 1], facts if place == len(texts) else None)


def _abstract_is_missing(texts: Sequence[_Text], place: int) -> bool:
    """Tell whether two titles follow each other: two short texts and then one that can only be
    an abstract.
    """
    following = texts[place + 1 : place + 3]
    return len(following) == 2 and len(following[0].text) <= TITLE_BOUND < len(following[1].text)


def _read(entry: _Entry | Rejected, page: _Page, warnings: list[str]) -> Sighting | Rejected:
    return (
        entry if isinstance(entry, Rejected) else _sighting(entry, entry.title.line, page, warnings)
    )


@rejects_errors
def _sighting(entry: _Entry, line: int, page: _Page, warnings: list[str]) -> Sighting | Rejected:
    problem = entry.title.problem or entry.abstract.problem
    title, abstract = prose.title(entry.title.text), prose.abstract(entry.abstract.text)
    if not problem and not title:
        problem = "The title holds nothing that can be read."
    if not problem and not abstract:
        problem = "The abstract holds nothing that can be read."
    if problem:
        return Rejected(problem, line, _excerpt(entry.title.text))
    author_count = comments = published = None
    year_inferred = False
    if entry.facts:
        author_count = _author_count(entry.facts, warnings)
        published, year_inferred, comments = _dated(entry.facts, page, warnings)
    return Sighting(
        title=title,
        abstract=abstract,
        author_count=author_count,
        published=published,
        year_inferred=year_inferred,
        day=page.day,
        seen_at=page.seen_at,
        readings=(Reading(page.seen_at, comments=comments),) if comments is not None else (),
        line=line,
    )


def _author_count(facts: _Facts, warnings: list[str]) -> int | None:
    match = _AUTHORS.fullmatch(facts.lines[0])
    count = int(match[1]) if match else 0
    if 0 < count <= MANY_AUTHORS:
        return count
    warnings.append(
        f"Line {facts.line}: “{_excerpt(facts.lines[0])}” does not say how many authors; left out."
    )
    return None


def _dated(facts: _Facts, page: _Page, warnings: list[str]) -> tuple[date | None, bool, int | None]:
    """Return when the paper was published, whether that year is a conclusion, and the number of
    comments.
    """
    match = _DATE.fullmatch(facts.lines[-1])
    if match is None:
        warnings.append(f"Line {facts.line}: no date stands below the authors; left out.")
        return None, False, None
    comments = int(match["number"]) if match["number"] else None
    if comments is not None and comments > LARGEST_COUNT:
        warnings.append(f"Line {facts.line}: {comments} comments cannot be; left out.")
        comments = None
    written = int(match["year"]) if match["year"] else None
    published = _date(written or page.day.year, _MONTHS[match["month"]], int(match["day"]))
    contradicts = (
        written >= page.day.year if written else published is not None and published > page.day
    )
    if published is None or contradicts:
        warnings.append(
            f"Line {facts.line}: the date “{match[0]}” cannot be on a page of {page.day}; left out."
        )
        return None, False, comments
    return published, page.year_inferred and not written, comments


def _excerpt(text: str) -> str:
    return one_line(text, EXCERPT)
