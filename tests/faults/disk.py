"""A small disk that really fills up, and the things of the town that may lie on it."""

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.faults.town import Town

MEGABYTES = 128
"""Room for the mails of 2,000 readers in the file outbox."""
BALLAST = "ballast"


class LeftOut(Exception):
    """An experiment that cannot be done on this machine; the text says why."""


@contextmanager
def small_disk(folder: Path, megabytes: int = MEGABYTES) -> Iterator[Path]:
    """Mount a small file system in memory for a while.

    Raises:
        LeftOut: this account, or this system, cannot mount one.
    """
    disk = folder / "small-disk"
    disk.mkdir(exist_ok=True)
    options = f"size={megabytes}m,mode=777"
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "paperboy", str(disk)],
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise LeftOut("there is no mount command here, so no small disk") from error
    except subprocess.CalledProcessError as error:
        raise LeftOut(
            "a small disk cannot be mounted, which takes root on Linux: "
            f"{error.stderr.splitlines()[0]}"
        ) from error
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Write until nothing more fits, as a log does that nobody rotates."""
    with (disk / BALLAST).open("ab", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(64 * 1024))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def free(disk: Path) -> None:
    (disk / BALLAST).unlink()


@contextmanager
def tables_on_a_small_disk(town: Town) -> Iterator[Path]:
    """Let every table and index of the database lie on a small disk."""
    with small_disk(town.folder) as disk:
        tables = disk / "tables"
        tables.mkdir()
        shutil.chown(tables, (town.folder / "postgresql").owner())
        _execute(f"CREATE TABLESPACE small LOCATION '{tables}'", *_moves("pg_default", "small"))
        try:
            yield disk
        finally:
            _execute(*_moves("small", "pg_default"), "DROP TABLESPACE small")


def _moves(source: str, target: str) -> tuple[str, ...]:
    return tuple(
        f"ALTER {kind} ALL IN TABLESPACE {source} SET TABLESPACE {target}"
        for kind in ("TABLE", "INDEX")
    )


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def journal_on_a_small_disk(town: Town) -> Iterator[Path]:
    """Let the database's write-ahead log lie on a small disk."""
    journal = town.folder / "postgresql" / "pg_wal"
    set_aside = sum(segment.stat().st_size for segment in journal.iterdir())
    with small_disk(town.folder, MEGABYTES + set_aside // 1_000_000) as disk:
        with _server_stopped(town):
            _move(journal, disk / "pg_wal")
            journal.symlink_to(disk / "pg_wal")
        try:
            yield disk
        finally:
            with _server_stopped(town):
                journal.unlink()
                _move(disk / "pg_wal", journal)


@contextmanager
def _server_stopped(town: Town) -> Iterator[None]:
    connection.close()
    town.stop_postgresql()
    try:
        yield
    finally:
        town.keep_postgresql_running()


def _move(source: Path, target: Path) -> None:
    """Move a folder to another file system with its owner, which Python's own way would lose."""
    subprocess.run(["mv", str(source), str(target)], check=True)


@contextmanager
def redis_on_a_small_disk(town: Town) -> Iterator[Path]:
    """Let the broker's append-only file lie on a small disk."""
    with small_disk(town.folder) as disk:
        town.kill("redis")
        town.start_redis(data=disk)
        try:
            yield disk
        finally:
            town.kill("redis")
            town.start_redis()


@contextmanager
def own_folder_on_a_small_disk(town: Town) -> Iterator[Path]:
    """Let the product's own folder lie on a small disk: the machine's file, the scheduler's, and
    the file outbox, which is the provider.
    """
    with small_disk(town.folder) as disk:
        before = dict(town.environment)
        town.environment |= {"VAR_DIR": str(disk / "var"), "MAIL_PROVIDER": "file"}
        town.outbox = disk / "var" / "outbox"
        try:
            yield disk
        finally:
            town.environment = before
            town.outbox = None
