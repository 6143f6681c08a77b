"""Hugging Face Daily Papers: the JSON of `GET /api/daily_papers`, an array of records without an envelope. Pure: bytes in.

A record lists a paper on the day of `paper.submittedOnDailyAt`; the day that was asked for is not believed, since an empty day is
answered with the papers of the one before. The top-level `publishedAt` is hours off and never used. Unknown fields are ignored.
"""

import re
from datetime import date, datetime

from ingest import identity, prose
from ingest.cleaning import one_line, web_link
from ingest.sighting import Parsed, Reading, Rejected, Sighting, Unreadable
from ingest.sources.records import Record, load

EXCERPT = 200
_OWNER_AND_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def parse(content: bytes, *, seen_at: datetime, day: date | None = None) -> Parsed:
    """Read one answer. `seen_at` (UTC) is when it was given, and so when its votes stood.

    A record without a day of appearance is listed on `day`, or without that on the day it was seen, and a warning says so.

    Raises:
        Unreadable: the content is no JSON array.
    """
    records = load(content)
    if not isinstance(records, list):
        raise Unreadable("is no JSON array of papers.")
    warnings: list[str] = []
    read = [_sighting(Record(values, place, warnings), place, seen_at, day) for place, values in enumerate(records, start=1)]
    return Parsed(
        tuple(entry for entry in read if isinstance(entry, Sighting)),
        tuple(entry for entry in read if isinstance(entry, Rejected)),
        tuple(warnings),
    )


def _sighting(record: Record, place: int, seen_at: datetime, day: date | None) -> Sighting | Rejected:
    paper = record.record("paper")
    title = prose.title(paper.text("title") or record.text("title"))
    found = identity.arxiv_id(paper.text("id"))
    if not paper:
        return Rejected("The record has no paper.", place, "")
    if found is None:
        return Rejected(f"“{one_line(paper.text('id'), 40)}” is no arXiv id.", place, title[:EXCERPT])
    if not title:
        return Rejected("The title is missing.", place, found.number)
    listed = paper.day("submittedOnDailyAt", latest=seen_at)
    if listed is None:
        listed = day or seen_at.date()
        record.warn(f"no day of appearance; {listed} is taken")
    authors = paper.names([author.text("name") for author in paper.records("authors") if not author.flag("hidden")])
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
    return (Reading(seen_at, votes=votes, comments=comments),) if votes is not None or comments is not None else ()


def _code_link(paper: Record) -> str:
    """Return where the code is; the source gives an address, or only the owner and name of a GitHub repository."""
    given = paper.text("githubRepo").strip()
    return web_link(f"https://github.com/{given}") if _OWNER_AND_NAME.fullmatch(given) else paper.link("githubRepo")
