"""Faults: which exceptions belong to a single row, how the others go on without it, and how staff
are told.
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError

from newsletter.models import Alert, AlertKind
from newsletter.ranking.packing import UnreadableBytes
from newsletter.ranking.taste import UnreadableTaste

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

NO_ROWS_FAULT = (MemoryError, SoftTimeLimitExceeded)
"""This process is in trouble."""
CONCERNS_ALL = (OperationalError, InterfaceError, *NO_ROWS_FAULT)
"""The database is in trouble, or this process is: no row of a loop is to blame."""
_OWN_WORDS = (UnreadableBytes, UnreadableTaste)
"""Exceptions whose text is ours alone. Any other text may quote a reader's words or address."""


def describe(error: BaseException) -> str:
    """Return the type of an exception and where our code met it, such as `KeyError at
    newsletter/ranking/reasons.py:40`: fit for a row that staff see, without a reader's words.
    """
    name = type(error).__name__
    if isinstance(error, _OWN_WORDS):
        return f"{name}: {error}"
    root = Path(settings.BASE_DIR)
    ours = [
        f"{path.relative_to(root)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(root) and ".venv" not in path.parts
    ]
    return f"{name} at {ours[-1]}" if ours else name


def bisect(
    work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
) -> list[Result | Exception]:
    """Do the work for all items at once. Where it fails, do it for each half, until the items at
    fault are found. Return for each item, in order, its result or the exception it raises.

    Args:
        work: returns one result per item, in order, and can be repeated.

    Raises:
        Error, MemoryError, SoftTimeLimitExceeded: no item is to blame. After a database error the
            transaction around cannot go on.
    """
    try:
        return [*work(items)]
    except (Error, *NO_ROWS_FAULT):
        raise
    except Exception as error:  # whatever an item raises is its result
        if not items:
            raise
        if len(items) == 1:
            return [error]
        middle = len(items) // 2
        return [*bisect(work, items[:middle]), *bisect(work, items[middle:])]


@contextmanager
def isolated(event: str, **where: object) -> Iterator[None]:
    """Log what one row of a loop raises, so that the loop goes on with the others.

    Raises:
        OperationalError, InterfaceError, MemoryError, SoftTimeLimitExceeded: no row is to blame.
    """
    try:
        yield
    except CONCERNS_ALL:
        raise
    except Exception:
        log.exception(event, **where)


@contextmanager
def alerting(edition_id: int, kind: AlertKind) -> Iterator[None]:
    """Note in an alert what a step of one edition raises, so that a loop goes on with the others.
    It is logged when it is news.

    Raises:
        Error: the alert cannot be written either, because the database is away.
    """
    try:
        yield
    except Exception as error:
        if Alert.objects.note(edition_id, kind, describe(error)):
            log.exception("edition_fails", edition=edition_id, kind=kind.value)
