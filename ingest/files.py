"""Importing files that hold what a source once said: one file after the other, a bad one never stopping the rest."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from ingest.cleaning import one_line
from ingest.models import Source
from ingest.recording import LARGEST_BODY, begin, fail, record
from ingest.sighting import Parsed, Unreadable

Parse = Callable[[bytes, Path], Parsed]

_READ_AT = re.compile(r"\.read-(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2})?Z", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)", re.ASCII)
ORIGIN_LIMIT = 500


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `error` is empty when it could be read; the other fields say what was found in it."""

    path: str
    entries: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: tuple[str, ...] = ()
    rejections: tuple[tuple[int | None, str], ...] = ()
    error: str = ""


def import_files(source: Source, paths: Iterable[Path], parse: Parse, *, now: datetime, dry_run: bool = False) -> list[FileReport]:
    """Record each file as one fetch of the source, and say what became of it. A dry run counts the same and keeps nothing.

    Files of one dry run see what the ones before them would have changed.
    """
    if not dry_run:
        return [_import_file(source, path, parse, now) for path in paths]
    with transaction.atomic():
        reports = [_import_file(source, path, parse, now) for path in paths]
        transaction.set_rollback(True)
    return reports


def reading_time(path: Path) -> datetime | None:
    """Return when a saved answer was read, where its name says so: `2025-01-09.read-2025-01-09T1708Z.json` (seconds may follow)."""
    match = _READ_AT.search(path.name)
    if match is None:
        return None
    try:
        return datetime.strptime(f"{match[1]} {match[2]}{match[3]}{match[4] or '00'} +0000", "%Y-%m-%d %H%M%S %z")
    except ValueError:
        return None


def day_named(path: Path) -> date | None:
    """Return the day that a file's name begins with, such as `2025-01-09.json`."""
    match = _DAY.match(path.name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _import_file(source: Source, path: Path, parse: Parse, now: datetime) -> FileReport:
    origin = one_line(str(path), ORIGIN_LIMIT)
    try:
        content = _content(path)
        parsed = parse(content, path)
    except Unreadable as error:
        fetch = begin(source, origin=origin, now=now)
        fail(fetch, str(error), now=now)
        return FileReport(str(path), error=str(error))
    fetch = record(source, parsed, now=now, origin=origin, body=content)
    return FileReport(
        path=str(path),
        entries=fetch.entries,
        new=fetch.new,
        updated=fetch.updated,
        unchanged=fetch.unchanged,
        rejected=fetch.rejected,
        warnings=parsed.warnings,
        rejections=tuple(fetch.rejections.values_list("line", "reason")),
    )


def _content(path: Path) -> bytes:
    """Read a file whole.

    Raises:
        Unreadable: it is missing, no file, not ours to read, or larger than any page can be.
    """
    try:
        if path.stat().st_size > LARGEST_BODY:
            raise Unreadable(f"is larger than {LARGEST_BODY // 1_000_000} MB: no page is that long.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Unreadable("does not exist.") from error
    except IsADirectoryError as error:
        raise Unreadable("is a folder: name the files in it.") from error
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}.") from error
