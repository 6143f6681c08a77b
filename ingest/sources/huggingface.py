"""Hugging Face Daily Papers: the JSON of `GET /api/daily_papers`, an array of records without an
envelope. Pure: bytes in.

A record lists a paper on the day of `paper.submittedOnDailyAt`; the day that was asked for is not
believed, since an empty day is answered with the papers of the one before. The top-level
`publishedAt` is hours off and never used. Unknown fields are ignored.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from ingest import identity, prose
from ingest.cleaning import one_line, web_link
from ingest.failures import rejects_errors
from ingest.sighting import Parsed, Reading, Rejected, Sighting, Unreadable
from ingest.sources.protocol import Options, Page, Position, Request, Window, address
from ingest.sources.records import Record, load

HOST = "https://huggingface.co"
EXCERPT = 200
PAGE_SIZE = 100
MOST_PAGES = 40
"""Pages of one day, week or month that are asked for; the longest month known has about nine
hundred papers.
"""
_OWNER_AND_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def parse(content: bytes, *, seen_at: datetime, day: date | None = None) -> Parsed:
    """Read one answer. `seen_at` (UTC) is when it was given, and so when its votes stood.

    A record without a day of appearance is listed on `day`, or without that on the day it was seen,
    and a warning says so.

    Raises:
        Unreadable: the content is no JSON array.
    """
    records = load(content)
    if not isinstance(records, list):
        raise Unreadable("is no JSON array of papers.")
    warnings: list[str] = []
    entries = (
        _sighting(Record(values, place, warnings), place, seen_at, day)
        for place, values in enumerate(records, start=1)
    )
    return Parsed.of(entries, warnings)


@rejects_errors
def _sighting(
    record: Record, place: int, seen_at: datetime, day: date | None
) -> Sighting | Rejected:
    paper = record.record("paper")
    title = prose.title(paper.text("title") or record.text("title"))
    found = identity.arxiv_id(paper.text("id"))
    if not paper:
        return Rejected("The record has no paper.", place, "")
    if found is None:
        return Rejected(
            f"“{one_line(paper.text('id'), 40)}” is no arXiv id.", place, title[:EXCERPT]
        )
    if not title:
        return Rejected("The title is missing.", place, found.number)
    listed = paper.day("submittedOnDailyAt", latest=seen_at)
    if listed is None:
        listed = day or seen_at.date()
        record.warn(f"no day of appearance; {listed} is taken")
    authors = paper.names(
        [author.text("name") for author in paper.records("authors") if not author.flag("hidden")]
    )
    return Sighting(
        title=title,
        abstract=prose.abstract(paper.text("summary") or record.text("summary")),
        authors=authors,
        author_count=len(authors) or None,
        arxiv_id=found.number,
        published=paper.day("publishedAt", latest=seen_at),
        code_link=_code_link(paper),
        project_link=paper.link("projectPage"),
        withdrawn_at=paper.instant("withdrawnAt", latest=seen_at),
        day=listed,
        seen_at=seen_at,
        readings=_readings(record, paper, seen_at),
        line=place,
    )


def _readings(record: Record, paper: Record, seen_at: datetime) -> tuple[Reading, ...]:
    votes, comments = paper.count("upvotes"), record.count("numComments")
    return (
        (Reading(seen_at, votes=votes, comments=comments),)
        if votes is not None or comments is not None
        else ()
    )


def _code_link(paper: Record) -> str:
    """Return where the code is; the source gives an address, or only the owner and name of a
    GitHub repository.
    """
    given = paper.text("githubRepo").strip()
    return (
        web_link(f"https://github.com/{given}")
        if _OWNER_AND_NAME.fullmatch(given)
        else paper.link("githubRepo")
    )


@dataclass(frozen=True, slots=True)
class DailyPapers:
    """Hugging Face Daily Papers, asked by day, and for longer windows by month, week and day.

    Pages are counted from 0 and end with an empty one; a page that is not full is no proof of the
    end. Option `url` replaces the host. A key, a Hugging Face token, doubles the number of requests
    we may make.
    """

    daily: bool = True
    window_counts: bool = True

    def first(self, window: Window, options: Options) -> Position:
        address(options, HOST)
        return {"spans": spans(window), "page": 0, "digest": ""}

    def request(self, position: Position, options: Options, key: str) -> Request:
        (unit, value), page = position["spans"][0], position["page"]
        query = urlencode({unit: value, "p": page, "limit": PAGE_SIZE})
        url = f"{address(options, HOST)}/api/daily_papers?{query}"
        return Request(
            url=url,
            label=f"daily_papers {unit} {value} page {page}",
            accept="application/json",
            authorization=f"Bearer {key}" if key else "",
        )

    def parse(
        self, content: bytes, position: Position, options: Options, seen_at: datetime
    ) -> Page:  # of the protocol
        (unit, value), *later = position["spans"]
        parsed = parse(
            content, seen_at=seen_at, day=date.fromisoformat(value) if unit == "date" else None
        )
        digest = hashlib.sha256(content).hexdigest()
        ended = not (parsed.sightings or parsed.rejected)
        if not ended and digest == position["digest"]:
            parsed = Parsed(
                warnings=(
                    (
                        f"Page {position['page']} is the same as the page before; the source "
                        "may have stopped paging."
                    ),
                )
            )
            ended = True
        if not ended and position["page"] + 1 < MOST_PAGES:
            return Page(
                parsed, {"spans": position["spans"], "page": position["page"] + 1, "digest": digest}
            )
        return Page(parsed, {"spans": later, "page": 0, "digest": ""} if later else None)


def spans(window: Window) -> list[list[str]]:
    """Cover a window with the fewest requests: whole months, then whole weeks, then days, the
    newest first.

    Weeks are ISO weeks; a week 53 is asked by its days, since not every version of the API takes
    it.
    """
    covered: list[list[str]] = []
    day = window.last
    while day >= window.first:
        span, first = _span_that_ends(day, window.first)
        covered.append(span)
        day = first - timedelta(days=1)
    return covered


def _span_that_ends(day: date, earliest: date) -> tuple[list[str], date]:
    first_of_month, monday = day.replace(day=1), day - timedelta(days=6)
    if (day + timedelta(days=1)).day == 1 and first_of_month >= earliest:
        return ["month", f"{day:%Y-%m}"], first_of_month
    year, week, weekday = day.isocalendar()
    if weekday == 7 and week < 53 and monday >= earliest:
        return ["week", f"{year}-W{week:02}"], monday
    return ["date", day.isoformat()], day
