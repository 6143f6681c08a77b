"""Arming: a restored backup or a copied database sends no mail until a person says so on the
machine that would.

Each machine that sends keeps a file beside its data, and the database a row for it. Both hold a
token that is renewed every minute. The row of a restored backup holds an older token than the file,
and a copied database meets a machine without a file, or one it has no row for. The file of a copied
folder, which may hold an SQLite database too, names the place of the first file on its disk instead
of its own. In all these cases nothing goes out. An empty database, from which no mail ever went,
arms its first machine by itself.
"""

import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings

from subscriptions.models import Letter, LetterState, Machine

log = structlog.get_logger(__name__)

RENEWED_EVERY = timedelta(minutes=1)
NO_LASTING_INODE = 0
"""Some network and user-space file systems number a file anew when it is renamed: there a copy
cannot be told.
"""
EVER_MAILED = (LetterState.HANDING, LetterState.SENT, LetterState.UNCERTAIN)


@dataclass
class Word:
    """What a machine's file says: who it is, and the token. `before` is the row's while that is
    being renewed: a crash may come between file and row. `inode` is that of the file in which the
    word was written first, or `NO_LASTING_INODE`.
    """

    identity: str
    token: str = ""
    before: str = ""
    inode: int = NO_LASTING_INODE


def is_armed(now: datetime) -> bool:
    """Say whether this machine may send mail from this database, and renew its token."""
    row = _row(_read())
    if row is not None and row.renewed_at <= now < row.renewed_at + RENEWED_EVERY:
        return True
    with _the_only_one() as alone:
        if not alone:
            # Somebody on this machine is renewing the token just now, or was stopped while doing
            # so.
            return row is not None
        return _settled(now)


def _settled(now: datetime) -> bool:
    """Renew the token, arm the first machine of an empty database, or ask to be armed."""
    word = _read()
    row = _row(word)
    if row is not None:
        _renew(word, row, now)
    elif _is_new():
        _arm(word, now)
    else:
        _ask(word, now)
    return row is not None or _row(_read()) is not None


def arm(now: datetime) -> str:
    """Let this machine send mail from this database from now on; return its name.

    Raises:
        OSError: the machine's file cannot be written.
    """
    with _the_only_one():
        _arm(_read(), now)
    return socket.gethostname()


def disarm_others() -> int:
    """Take the right to send from every other machine of this database; return how many had it."""
    return (
        Machine.objects.exclude(identity=_read().identity)
        .exclude(armed_at=None)
        .update(armed_at=None)
    )


def _row(word: Word) -> Machine | None:
    """Return this machine's row if it is armed and its token is the file's."""
    row = Machine.objects.filter(identity=word.identity, armed_at__isnull=False).first()
    return (
        row
        if row is not None and word.identity and row.token in (word.token, word.before)
        else None
    )


def _is_new() -> bool:
    """Say whether no mail ever went out of this database: then there is nothing that could go
    out twice.
    """
    return (
        not Machine.objects.exists() and not Letter.objects.filter(state__in=EVER_MAILED).exists()
    )


def _renew(word: Word, row: Machine, now: datetime) -> None:
    word = Word(word.identity, secrets.token_hex(16), before=row.token)
    _write(word)
    Machine.objects.filter(pk=row.pk).update(token=word.token, renewed_at=now)
    # Else a backup of two minutes ago would still be believed.
    _write(Word(word.identity, word.token))


def _arm(word: Word, now: datetime) -> None:
    word = Word(word.identity or secrets.token_hex(16), secrets.token_hex(16))
    _write(word)
    values = {"name": socket.gethostname(), "token": word.token, "renewed_at": now, "armed_at": now}
    Machine.objects.update_or_create(identity=word.identity, defaults=values)
    log.warning("machine_armed", machine=socket.gethostname())


def _ask(word: Word, now: datetime) -> None:
    """Leave a row by which staff see that this machine would send."""
    if not word.identity:
        word = Word(secrets.token_hex(16))
        _write(word)
    values = {"name": socket.gethostname(), "token": "", "renewed_at": now, "armed_at": None}
    Machine.objects.update_or_create(identity=word.identity, defaults=values)
    log.error(
        "not_armed",
        machine=socket.gethostname(),
        remedy="run `manage.py arm` here if this is the database that should send",
    )


def _path() -> Path:
    return Path(settings.MACHINE_FILE)


def _read() -> Word:
    """Return the file's word; an empty one when there is no file that can be read, and when it
    is a copy.
    """
    return _word_in(_path())


def _word_in(path: Path) -> Word:
    try:
        with path.open(encoding="ascii") as file:
            word = Word(**json.load(file))
            return word if word.inode in (_inode(file), NO_LASTING_INODE) else Word("")
    except (FileNotFoundError, ValueError, TypeError):
        return Word("")


def _write(word: Word) -> None:
    """Write the file whole or not at all, so that it can be read at any time without a lock."""
    draft, renamed = _path().with_suffix(".part"), _path().with_suffix(".whole")
    _put(word, draft)
    draft.replace(renamed)
    # Found out before it takes the file's place: a process that was stopped between the two would
    # leave what looks like a copy.
    if not _word_in(renamed).identity:
        _put(word, renamed, lasting=False)
    renamed.replace(_path())


def _put(word: Word, path: Path, *, lasting: bool = True) -> None:
    with path.open("w", encoding="ascii") as file:
        json.dump(asdict(replace(word, inode=_inode(file) if lasting else NO_LASTING_INODE)), file)


def _inode(file: IO[str]) -> int:
    return os.fstat(file.fileno()).st_ino


@contextmanager
def _the_only_one() -> Iterator[bool]:
    """Let one process of the machine through; False after a short wait, because the one inside
    may have been stopped for good.
    """
    _path().parent.mkdir(parents=True, exist_ok=True)
    with _path().with_suffix(".lock").open("w") as file:
        yield _locked(file)


def _locked(file: IO[str]) -> bool:
    for wait in (0.0, 0.05, 0.2, 0.5):
        time.sleep(wait)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
