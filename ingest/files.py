"""Importing files that hold what a source once said: one file after the other, a bad one never
stopping the rest.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, cast

import structlog
from django.db import transaction

from ingest.cleaning import one_line
from ingest.failures import VALUE_ERRORS, is_expected, reason_of
from ingest.models import Fetch, Source
from ingest.recording import LARGEST_BODY, ORIGIN_LIMIT, begin, fail, finish, take
from ingest.sighting import Parsed, Unreadable
from ingest.sources import jsonl

Parse = Callable[[bytes, Path], Parsed]
Done = Callable[[int], None]
"""Called with the number of bytes read since the last call."""

SHOWN_REJECTIONS = 50
LINES_AT_ONCE = 500
BYTES_AT_ONCE = 4_000_000

log = structlog.get_logger(__name__)

_READ_AT = re.compile(r"\.read-(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2})?Z", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one file or page. `error` is empty when it could be read; the other fields say
    what was found in it.

    `rejections` are the first of the rejected entries, with their line and reason.
    """

    path: str
    entries: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warning_count: int = 0
    warnings: tuple[str, ...] = ()
    rejections: tuple[tuple[int | None, str], ...] = ()
    error: str = ""


def import_pages(
    source: Source, paths: Iterable[Path], parse: Parse, *, now: datetime, dry_run: bool = False
) -> list[Report]:
    """Record each file, read whole, as one fetch of the source. A dry run counts the same and keeps
    nothing.

    Files of one dry run see what the ones before them would have changed.
    """
    return _each(paths, lambda path: _import_page(source, path, parse, now), dry_run=dry_run)


def import_lines(
    source: Source,
    paths: Iterable[Path],
    *,
    now: datetime,
    dry_run: bool = False,
    done: Done = lambda _size: None,
) -> list[Report]:
    """Record each file of JSON Lines, which may be packed with gzip and of any size, a few
    hundred lines at a time.
    """
    return _each(paths, lambda path: _import_lines(source, path, now, done), dry_run=dry_run)


def import_upload(
    source: Source, name: str, content: bytes, parse: Callable[[bytes], Parsed], *, now: datetime
) -> Report:
    """Record a file that staff uploaded; `parse` may raise Unreadable, which becomes the
    report's error.
    """
    return _record(source, name, content, parse, now)


def reading_time(path: Path) -> datetime | None:
    """Return when a saved answer was read, where its name says so:
    `2025-01-09.read-2025-01-09T1708Z.json` (seconds may follow).
    """
    match = _READ_AT.search(path.name)
    if match is None:
        return None
    try:
        return datetime.strptime(
            f"{match[1]} {match[2]}{match[3]}{match[4] or '00'} +0000", "%Y-%m-%d %H%M%S %z"
        )
    except ValueError:
        return None


def day_named(path: Path) -> date | None:
    """Return the day that a file's name begins with, such as `2025-01-09.json`."""
    match = _DAY.match(path.name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def report_of(fetch: Fetch, path: str) -> Report:
    """Return what became of a fetch."""
    fetch.refresh_from_db()
    return Report(
        path=path,
        entries=fetch.entries,
        new=fetch.new,
        updated=fetch.updated,
        unchanged=fetch.unchanged,
        rejected=fetch.rejected,
        warning_count=fetch.warning_count,
        warnings=tuple(fetch.warnings),
        rejections=tuple(fetch.rejections.values_list("line", "reason")[:SHOWN_REJECTIONS]),
        error=fetch.error,
    )


def _each(
    paths: Iterable[Path], import_one: Callable[[Path], Report], *, dry_run: bool
) -> list[Report]:
    if not dry_run:
        return [import_one(path) for path in paths]
    with transaction.atomic():
        reports = [import_one(path) for path in paths]
        transaction.set_rollback(True)
    return reports


def _import_page(source: Source, path: Path, parse: Parse, now: datetime) -> Report:
    try:
        content = _content(path)
    except Unreadable as error:
        fetch = begin(source, origin=one_line(str(path), ORIGIN_LIMIT), now=now)
        fail(fetch, str(error), now=now)
        return report_of(fetch, str(path))
    return _record(source, str(path), content, lambda body: parse(body, path), now)


def _record(
    source: Source, name: str, content: bytes, parse: Callable[[bytes], Parsed], now: datetime
) -> Report:
    """Record one file. An error that its content causes, whichever it is, fails its fetch alone."""
    fetch = begin(source, origin=one_line(name, ORIGIN_LIMIT), now=now)
    try:
        take(fetch, parse(content))
    except VALUE_ERRORS as error:
        fail(fetch, _problem(error, fetch), now=now, body=content)
    else:
        finish(fetch, now=now, body=content)
    return report_of(fetch, name)


def _problem(error: Exception, fetch: Fetch) -> str:
    if not is_expected(error):
        log.error("file_not_read", fetch=fetch.pk, error=type(error).__name__, exc_info=error)
    return reason_of(error)


def _import_lines(source: Source, path: Path, now: datetime, done: Done) -> Report:
    fetch = begin(source, origin=one_line(str(path), ORIGIN_LIMIT), now=now)
    try:
        for first_line, lines in _chunks(path, done):
            take(fetch, jsonl.parse(lines, now=now, first_line=first_line))
    except VALUE_ERRORS as error:
        fail(fetch, _problem(error, fetch), now=now)
    except BaseException as error:  # an interruption, or an error of the machine
        fail(fetch, f"Stopped: {type(error).__name__} {error}".rstrip(), now=now)
        raise
    else:
        finish(fetch, now=now)
    return report_of(fetch, str(path))


def _chunks(path: Path, done: Done) -> Iterator[tuple[int, list[bytes]]]:
    """Give the lines of a file in chunks, each with the number of its first line; no more than
    one chunk is in memory at a time.
    """
    number = 1
    with _told_as_unreadable(), path.open("rb") as raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        lines = _lines(cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if packed else raw))
        place = 0
        while chunk := list(_up_to(lines, LINES_AT_ONCE, BYTES_AT_ONCE)):
            if number == 1 and b"\0" in chunk[0]:
                raise Unreadable("holds binary data: JSON Lines are needed.")
            yield number, chunk
            number += len(chunk)
            done(raw.tell() - place)
            place = raw.tell()
    if number == 1:
        raise Unreadable("is empty: JSON Lines are needed.")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Give the lines of a file, of a line that is too long its beginning alone: enough to see
    that it is.
    """
    limit = jsonl.LONGEST_LINE + 1
    while line := file.readline(limit):
        yield line
        while len(line) == limit and not line.endswith(b"\n"):
            line = file.readline(limit)


def _up_to(lines: Iterator[bytes], most_lines: int, most_bytes: int) -> Iterator[bytes]:
    size = 0
    for line in islice(lines, most_lines):
        yield line
        size += len(line)
        if size >= most_bytes:
            return


def _content(path: Path) -> bytes:
    """Read a file whole.

    Raises:
        Unreadable: it is missing, no file, not ours to read, or larger than any page can be.
    """
    with _told_as_unreadable():
        if path.stat().st_size > LARGEST_BODY:
            raise Unreadable(
                f"is larger than {LARGEST_BODY // 1_000_000} MB: no page is that long."
            )
        return path.read_bytes()


@contextmanager
def _told_as_unreadable() -> Iterator[None]:
    """Say what is wrong with a file in words, whatever the system calls it."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unreadable("does not exist.") from error
    except IsADirectoryError as error:
        raise Unreadable("is a folder: name the files in it.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unreadable(f"is packed with gzip, and broken or cut short: {error}.") from error
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}.") from error
