"""JSON Lines: papers of one's own, archives, exports of other systems. Pure: lines of bytes in.

A line is one paper, or one day with its papers:

    {"title": "…", "arxiv_id": "2501.01234", "day": "2025-01-09", "counts":
    [["2025-01-09T17:08:00Z", 12, 2], …], …} {"day": "2025-01-09", "papers": [{"title": "…", "id":
    "2501.01234", "upvotes": 12, "comments": 2, …}, …]}

Only `title` is needed. `day` lists the paper; without it the line only describes it. `counts` is
the vote history, oldest or newest first: instant, votes, comments, rank. In its place one reading
may be given as `votes`, `comments`, `rank`, seen at `seen_at`. Names in use elsewhere are
understood too: see NAMES.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ingest import identity, prose
from ingest.cleaning import one_line
from ingest.failures import rejects_errors
from ingest.sighting import Parsed, Reading, Rejected, Sighting
from ingest.sources.records import Record

LONGEST_LINE = 10_000_000
EXCERPT = 200
NAMES = {
    "id": "arxiv_id",
    "summary": "abstract",
    "upvotes": "votes",
    "date": "day",
    "url": "link",
    "github": "code_link",
    "publishedAt": "published",
}
"""Foreign names and ours; ours wins where both are given."""


def parse(lines: Iterable[bytes], *, now: datetime, first_line: int = 1) -> Parsed:
    """Read some lines; `first_line` is the number of the first. A line that cannot be read is
    rejected, and the others are read.

    What does not say when it was seen was seen at the end of its day, or at `now` where that has
    not come yet.
    """
    warnings: list[str] = []
    entries = (
        entry
        for number, line in enumerate(lines, start=first_line)
        for entry in _line(line, number, now, warnings)
    )
    return Parsed.of(entries, warnings)


def _line(
    line: bytes, number: int, now: datetime, warnings: list[str]
) -> Iterator[Sighting | Rejected]:
    if not line.strip():
        return
    if len(line) > LONGEST_LINE:
        yield Rejected(f"The line is longer than {LONGEST_LINE // 1_000_000} MB.", number)
        return
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield Rejected(
            f"This is no JSON: {type(error).__name__}.",
            number,
            one_line(line[:EXCERPT].decode(errors="replace")),
        )
        return
    papers = values.get("papers") if isinstance(values, dict) else None
    if not isinstance(papers, list):
        yield _paper(values, number, now, warnings)
        return
    shared = {name: values[name] for name in ("day", "date", "seen_at") if name in values}
    for paper in papers:
        yield _paper(shared | paper if isinstance(paper, dict) else paper, number, now, warnings)


@rejects_errors
def _paper(values: Any, number: int, now: datetime, warnings: list[str]) -> Sighting | Rejected:
    if not isinstance(values, dict):
        return Rejected(
            "This is no paper: a JSON object is needed.", number, one_line(str(values)[:EXCERPT])
        )
    record = Record(
        {NAMES[name]: value for name, value in values.items() if name in NAMES} | values,
        number,
        warnings,
    )
    title = prose.title(record.text("title"))
    if not title:
        return Rejected("The title is missing.", number, one_line(str(values)[:EXCERPT]))
    given_id = record.text("arxiv_id")
    found = identity.arxiv_id(given_id)
    if given_id and not found:
        record.warn(f"“{one_line(given_id, 60)}” is no arXiv id; left out")
    day = record.day("day", latest=now)
    if values.get("day", values.get("date")) and day is None:
        return Rejected("The day is none that can be.", number, title[:EXCERPT])
    end = (
        min(datetime.combine(day, time(), UTC) + timedelta(days=1, seconds=-1), now) if day else now
    )
    seen_at = record.instant("seen_at", latest=now) or end
    readings = tuple(_readings(record, seen_at, now))
    authors = record.names(_names(record))
    return Sighting(
        title=title,
        seen_at=max(
            [seen_at]
            if "seen_at" in values or not readings
            else [reading.seen_at for reading in readings]
        ),
        abstract=prose.abstract(record.text("abstract")),
        authors=authors,
        author_count=record.count("author_count") or len(authors) or None,
        arxiv_id=found.number if found else None,
        arxiv_version=found.version if found else None,
        doi=identity.doi(record.text("doi")),
        link=record.link("link"),
        published=record.day("published", latest=now),
        categories=tuple(record.texts("categories")),
        code_link=record.link("code_link"),
        project_link=record.link("project_link"),
        withdrawn_at=record.instant("withdrawn_at", latest=now),
        day=day,
        readings=readings,
        line=number,
    )


def _names(record: Record) -> list[str]:
    """Return the authors' names, given as texts or as objects with a `name`."""
    given = [
        author.get("name") if isinstance(author, dict) else author
        for author in record.items("authors")
    ]
    names = [name for name in given if isinstance(name, str)]
    if len(names) < len(given):
        record.warn("an author without a name; left out")
    return names


def _readings(record: Record, seen_at: datetime, now: datetime) -> Iterator[Reading]:
    for row in record.items("counts"):
        instant, *numbers = row if isinstance(row, list) and row else [None]
        reading = Record(
            dict(zip(("votes", "comments", "rank"), numbers, strict=False)) | {"seen_at": instant},
            record.place,
            record.warnings,
        )
        at = reading.instant("seen_at", latest=now)
        if at:
            yield Reading(
                at, reading.count("votes"), reading.count("comments"), reading.count("rank")
            )
        else:
            record.warn("a count without an instant that can be; left out")
    votes, comments, rank = record.count("votes"), record.count("comments"), record.count("rank")
    if (votes, comments, rank) != (None, None, None):
        yield Reading(seen_at, votes, comments, rank)
