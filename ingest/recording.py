"""Recording: sightings become papers, listings and counts, and a Fetch keeps the books of what
became of every entry.

Recording the same body twice changes nothing, and the order in which bodies are recorded does not
matter. A few hundred sightings are written in one transaction together with the books of their
fetch; a transaction that lost a race against another recording is done again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import F, Q

from ingest import merging
from ingest.cleaning import one_line
from ingest.failures import REASON_LIMIT, VALUE_ERRORS, reason_of
from ingest.joining import join
from ingest.listing_days import Seen, list_papers, seen
from ingest.matching import Shelf
from ingest.models import (
    Fetch,
    FetchBody,
    FetchStatus,
    FormerTitle,
    Paper,
    Rejection,
    Run,
    RunState,
    Source,
)
from ingest.sighting import Parsed, Rejected, Sighting

CHUNK = 500
TRIES = 5
LARGEST_BODY = 10_000_000
"""Bytes of a body that are kept for a second look. Larger ones are files of the operator, who
still has them.
"""
LONGEST_VISIT = timedelta(days=1)
"""No file takes longer to read; a visit that is still open then was left by a process that was
killed.
"""
KEPT_WARNINGS = 200
EXCERPT = 200
ORIGIN_LIMIT = 500

log = structlog.get_logger(__name__)

PAPER_FIELDS = [
    column.name
    for column in Paper._meta.concrete_fields
    if column.name not in {"id", "merged_into"}
]


@dataclass(slots=True)
class _Tally:
    """What became of the entries of one chunk."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    listed: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(slots=True)
class _Entry:
    """A sighting with the paper it is about, and what it changed so far. News of a paper that
    nobody knows has no paper.
    """

    sighting: Sighting
    paper: Paper | None
    is_new: bool = False
    is_update: bool = False


def begin(source: Source, *, origin: str, now: datetime, run: Run | None = None) -> Fetch:
    """Open the books of one visit, which may be part of a run."""
    first, last = (run.window_start, run.window_end) if run else (None, None)
    return Fetch.objects.create(
        source=source,
        run=run,
        origin=origin[:ORIGIN_LIMIT],
        started_at=now,
        window_start=first,
        window_end=last,
    )


def rename(fetch: Fetch, origin: str) -> None:
    """Note what was read, once that is known."""
    fetch.origin = origin[:ORIGIN_LIMIT]
    fetch.save(update_fields=["origin"])


def take(fetch: Fetch, parsed: Parsed) -> None:
    """Record what was parsed and add it to the books of the fetch, chunk by chunk, each whole or
    not at all.
    """
    for start in range(0, max(len(parsed.sightings), 1), CHUNK):
        chunk = parsed.sightings[start : start + CHUNK]
        first = start == 0
        _take_chunk(
            fetch, chunk, parsed.rejected if first else (), parsed.warnings if first else ()
        )


def finish(
    fetch: Fetch,
    *,
    now: datetime,
    body: bytes | None = None,
    status: FetchStatus = FetchStatus.DONE,
) -> None:
    """Close the books of a visit that was read to its end, and keep its raw bytes. One that was
    given up for dead is well after all.
    """
    _keep(fetch, body)
    fetch.status, fetch.error, fetch.finished_at = status, "", now
    fetch.save(update_fields=["status", "error", "finished_at", "body", "http_status"])


def fail(fetch: Fetch, error: str, *, now: datetime, body: bytes | None = None) -> None:
    """Close the books of a visit that could not be read, with the bytes that were no use; what
    was recorded before stays.
    """
    _keep(fetch, body)
    fetch.status, fetch.finished_at = FetchStatus.FAILED, now
    fetch.error = one_line(error, REASON_LIMIT)
    fetch.save(update_fields=["status", "error", "finished_at", "body", "http_status"])


def close_abandoned(now: datetime) -> int:
    """Close the books of visits whose process was killed and whose run, if they have one, is over;
    return how many there were.

    What they had recorded stays. A run that goes on closes its own: see ingest.runs.
    """
    nobodys = Q(run=None) | ~Q(run__state=RunState.RUNNING)
    left = Fetch.objects.filter(
        nobodys, status=FetchStatus.RUNNING, started_at__lt=now - LONGEST_VISIT
    )
    return left.update(
        status=FetchStatus.FAILED, error="The process did not finish.", finished_at=now
    )


def record(
    source: Source, parsed: Parsed, *, now: datetime, origin: str, body: bytes | None = None
) -> Fetch:
    """Record all that one body said, and return the finished fetch with its counts."""
    fetch = begin(source, origin=origin, now=now)
    take(fetch, parsed)
    finish(fetch, now=now, body=body)
    return fetch


def record_listing(source: Source, paper: Paper, day: date, *, now: datetime, origin: str) -> Fetch:
    """Record that the source lists a stored paper on a day, and return the finished fetch. Nothing
    else about the paper changes.
    """
    with transaction.atomic():
        fetch = begin(source, origin=origin, now=now)
        changed, listed = list_papers(source, [Seen(paper, day, (), now)])
        _book(fetch, _Tally(updated=len(changed), unchanged=1 - len(changed), listed=listed), ())
        finish(fetch, now=now)
    return fetch


def _keep(fetch: Fetch, body: bytes | None) -> None:
    if body and len(body) <= LARGEST_BODY:
        digest = hashlib.sha256(body).hexdigest()
        fetch.body = FetchBody.objects.get_or_create(sha256=digest, defaults={"content": body})[0]


def _take_chunk(
    fetch: Fetch, chunk: Sequence[Sighting], rejected: Sequence[Rejected], warnings: Sequence[str]
) -> None:
    """Write one chunk; where the database or our own code refuses it, halve it until the one
    sighting at fault is found, and reject that one.
    """
    try:
        _again_after_a_race(fetch, chunk, rejected, warnings)
    except (IntegrityError, DataError, ValidationError, *VALUE_ERRORS) as error:
        if not chunk:
            raise
        if len(chunk) == 1:
            log.warning("sighting_not_recorded", fetch=fetch.pk, error=type(error).__name__)
            refused = Rejected(
                f"It cannot be stored: {reason_of(error)}", chunk[0].line, chunk[0].title
            )
            _again_after_a_race(fetch, (), (*rejected, refused), warnings)
        else:
            middle = len(chunk) // 2
            _take_chunk(fetch, chunk[:middle], rejected, warnings)
            _take_chunk(fetch, chunk[middle:], (), ())


def _again_after_a_race(
    fetch: Fetch, chunk: Sequence[Sighting], rejected: Sequence[Rejected], warnings: Sequence[str]
) -> None:
    """Write one chunk. Another recording may store one of its papers first, or lock them
    crosswise: then look again and retry.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                tally = _write(fetch, chunk)
                tally.rejected.extend(rejected)
                _book(fetch, tally, warnings)
        except (IntegrityError, OperationalError):
            if attempt == TRIES:
                raise
        else:
            return


def _write(fetch: Fetch, sightings: Sequence[Sighting]) -> _Tally:
    tally = _Tally()
    source = fetch.source
    priorities = dict(Source.objects.values_list("slug", "priority"))
    entries = _matched(Shelf(sightings), sightings, fetch, priorities, tally)
    changed, tally.listed = list_papers(
        source, [seen(entry.paper, entry.sighting) if entry.paper else None for entry in entries]
    )
    for place, entry in enumerate(entries):
        if entry.is_new:
            tally.new += 1
        elif entry.is_update or place in changed:
            tally.updated += 1
        else:
            tally.unchanged += 1
    return tally


def _matched(
    shelf: Shelf,
    sightings: Sequence[Sighting],
    fetch: Fetch,
    priorities: dict[str, int],
    tally: _Tally,
) -> list[_Entry]:
    """Find or make the paper of each sighting, merge what it says, and store the papers."""
    entries: list[_Entry] = []
    touched: dict[int, Paper] = {}
    former: list[tuple[Paper, str]] = []
    for sighting in sightings:
        paper = shelf.find(sighting)
        is_new = paper is None and not sighting.only_known
        if paper is None and sighting.only_known:
            entries.append(_Entry(sighting, None))
            continue
        if paper is None:
            namesake = None if sighting.arxiv_id or sighting.doi else shelf.namesake(sighting)
            if namesake:
                tally.rejected.append(_not_the_namesake(sighting, namesake))
                continue
            paper = Paper(field_sources={})
        key = paper.title_key
        before = dict(paper.field_sources)
        changed = merging.absorb(
            paper, _without_foreign_doi(shelf, sighting, paper), fetch.source.slug, priorities
        )
        if changed & {"title_key", "arxiv_id", "doi"}:
            shelf.put(paper)
        if key and key != paper.title_key:
            former.append((paper, key))
        if changed or before != paper.field_sources:
            touched[id(paper)] = paper
        entries.append(_Entry(sighting, paper, is_new, bool(changed)))
    _store(touched.values(), former)
    _join_twins(shelf, touched.values(), priorities, fetch.started_at)
    for entry in entries:
        while entry.paper and entry.paper.merged_into:
            entry.paper = entry.paper.merged_into
    return entries


def _join_twins(
    shelf: Shelf, papers: Iterable[Paper], priorities: dict[str, int], now: datetime
) -> None:
    """Join papers that turned out to be one, because one took the other's title or two
    recordings stored them at once.
    """
    for paper in papers:
        while twins := shelf.twin(paper):
            join(*twins, priorities, now=now)


def _without_foreign_doi(shelf: Shelf, sighting: Sighting, paper: Paper) -> Sighting:
    """Leave out a DOI that belongs to another paper: an author's slip must not join two works,
    nor stop the others.
    """
    owner = shelf.owner(sighting)
    return sighting if owner is None or owner is paper else replace(sighting, doi=None)


def _not_the_namesake(sighting: Sighting, namesake: Paper) -> Rejected:
    reason = (
        f"Paper {namesake.pk} has this title but other authors, and neither has an id to tell them "
        "apart; add it by hand with an id."
    )
    return Rejected(reason, sighting.line, sighting.title[:EXCERPT])


def _store(papers: Iterable[Paper], former: Sequence[tuple[Paper, str]]) -> None:
    new = [paper for paper in papers if paper.pk is None]
    known = [paper for paper in papers if paper.pk is not None]
    Paper.objects.bulk_create(new)
    Paper.objects.bulk_update(known, PAPER_FIELDS, batch_size=100)
    FormerTitle.objects.bulk_create(
        [FormerTitle(paper=paper, title_key=key) for paper, key in former], ignore_conflicts=True
    )


def _book(fetch: Fetch, tally: _Tally, warnings: Sequence[str]) -> None:
    """Add a chunk to the books of its fetch, in the transaction that writes the chunk. Texts are
    cleaned here once more: a character that the database refuses must not cost the whole body.
    """
    Rejection.objects.bulk_create(
        Rejection(
            fetch=fetch,
            line=entry.line,
            reason=one_line(entry.reason, 300),
            excerpt=one_line(entry.excerpt, EXCERPT),
        )
        for entry in tally.rejected
    )
    room = max(KEPT_WARNINGS - len(fetch.warnings), 0)
    kept = [one_line(warning, REASON_LIMIT) for warning in warnings[:room]]
    rejected = len(tally.rejected)
    Fetch.objects.filter(pk=fetch.pk).update(
        entries=F("entries") + tally.new + tally.updated + tally.unchanged + rejected,
        new=F("new") + tally.new,
        updated=F("updated") + tally.updated,
        unchanged=F("unchanged") + tally.unchanged,
        rejected=F("rejected") + rejected,
        listed=F("listed") + tally.listed,
        warning_count=F("warning_count") + len(warnings),
        warnings=[*fetch.warnings, *kept],
    )
    fetch.refresh_from_db(
        fields=[
            "entries",
            "new",
            "updated",
            "unchanged",
            "rejected",
            "listed",
            "warning_count",
            "warnings",
        ]
    )
