"""Arming: a restored backup or a copied database sends no mail until a person says so on the
machine that would.

Each machine that sends has a row in the database and a small file beside its data. Both hold the
same counter, which rises every minute. A restored database holds a smaller number than the file,
and a copied one meets a machine without a file, or one it has no row for. The file also names its
own inode, so that a copied folder, which may hold an SQLite database too, is told from the
original. In all these cases nothing goes out. An empty database, from which no mail ever went, arms
its first machine by itself.

The row is written before the file. So a crash at any instant leaves the row ahead by one, which
counts as equal; a backup never is ahead. The file is overwritten in its place, which keeps its
inode and needs no room on a full disk; its few bytes lie in one sector, so a power cut leaves the
old ones or the new ones.
"""

import fcntl
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings

from subscriptions.models import Letter, LetterState, Machine

log = structlog.get_logger(__name__)

RENEWED_EVERY = timedelta(minutes=1)
_RECORD = re.compile(r"([0-9a-f]{32}) ([0-9]{18}) ([0-9]{20})\n")
EVER_MAILED = (LetterState.HANDING, LetterState.SENT, LetterState.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Record:
    """What the machine's file says: who it is, and how often it was renewed. Empty when the file
    is new, a copy, or cannot be read.
    """

    identity: str = ""
    renewals: int = 0


def is_armed(now: datetime) -> bool:
    """Say whether this machine may send mail from this database, and renew its counter.

    Raises:
        OSError: the machine's file cannot be opened or written.
    """
    with _open_file() as file:
        row = _row(_read(file))
        if row is not None and row.renewed_at <= now < row.renewed_at + RENEWED_EVERY:
            return True
        if not _lock(file):
            # Another process of this machine renews the counter now, or was stopped while doing so.
            return row is not None
        record = _read(file)
        if _row(record) is not None:
            _advance(file, record, now)
        elif _is_new():
            _arm(file, record, now)
        else:
            _ask(file, record, now)
            return False
        return True


def arm(now: datetime) -> str:
    """Let this machine send mail from this database from now on; return its name.

    Raises:
        OSError: the machine's file cannot be opened or written.
    """
    with _open_file() as file:
        # Without waiting: a process that was stopped while it held the lock must not stop a person.
        _lock(file)
        _arm(file, _read(file), now)
    return socket.gethostname()


def disarm_others() -> int:
    """Take the right to send from every other machine of this database; return how many had it."""
    with _open_file() as file:
        others = Machine.objects.exclude(identity=_read(file).identity)
    return others.exclude(armed_at=None).update(armed_at=None)


def _row(record: Record) -> Machine | None:
    """Return this machine's row if it is armed and as new as the file."""
    counters = (record.renewals, record.renewals + 1)
    armed = Machine.objects.filter(armed_at__isnull=False, renewals__in=counters)
    return armed.filter(identity=record.identity).first()


def _is_new() -> bool:
    """Say whether no mail ever went out of this database: then there is nothing that could go
    out twice.
    """
    return (
        not Machine.objects.exists() and not Letter.objects.filter(state__in=EVER_MAILED).exists()
    )


def _arm(file: int, record: Record, now: datetime) -> None:
    _advance(file, _identified(file, record), now, armed_at=now)
    log.warning("machine_armed", machine=socket.gethostname())


def _ask(file: int, record: Record, now: datetime) -> None:
    """Leave a row by which staff see that this machine would send."""
    values = {"name": socket.gethostname(), "renewed_at": now, "armed_at": None}
    identity = _identified(file, record).identity
    Machine.objects.update_or_create(identity=identity, defaults=values)


def _identified(file: int, record: Record) -> Record:
    """Return the record, or a new one, in the file before any row names it."""
    if not record.identity:
        record = Record(secrets.token_hex(16))
        _write(file, record)
    return record


def _advance(file: int, record: Record, now: datetime, **decision: datetime) -> None:
    """Raise the counter by one, first in the row and then in the file."""
    record = Record(record.identity, record.renewals + 1)
    values = {"name": socket.gethostname(), "renewals": record.renewals, "renewed_at": now}
    Machine.objects.update_or_create(identity=record.identity, defaults=values | decision)
    _write(file, record)


@contextmanager
def _open_file() -> Iterator[int]:
    path = Path(settings.MACHINE_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield file
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Keep the other processes of the machine out until the file is closed; False when one of
    them is inside.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int) -> Record:
    found = _RECORD.match(os.pread(file, 100, 0).decode("ascii", "replace"))
    if found is None or int(found[3]) != os.fstat(file).st_ino:
        return Record()
    return Record(found[1], int(found[2]))


def _write(file: int, record: Record) -> None:
    inode = os.fstat(file).st_ino
    os.pwrite(file, f"{record.identity} {record.renewals:018} {inode:020}\n".encode(), 0)
    os.fsync(file)
