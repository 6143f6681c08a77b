"""Errors in reading and recording: which of them one value can cause, and what staff read about
them. Free of Django.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from ingest.cleaning import one_line
from ingest.sighting import Rejected, Sighting, Unreadable
from ingest.sources.protocol import BadOptions

REASON_LIMIT = 1_000
VALUE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What code raises on a value that it does not expect. Errors of the machine, such as a lack of
memory or Celery's time limit, are none: skipping the value would not help against them.
"""

Entry = TypeVar("Entry")
Others = ParamSpec("Others")

log = structlog.get_logger(__name__)


def reason_of(error: Exception) -> str:
    """Return why something failed, for staff, as one line that can be stored.

    The errors that are raised on purpose carry a sentence. Any other error is unexpected, and its
    type is named.
    """
    words = one_line(str(error), REASON_LIMIT)
    if isinstance(error, (Unreadable, BadOptions)) and words:
        return words
    return one_line(f"Unexpected {type(error).__name__}: {words}".rstrip(": "), REASON_LIMIT)


def is_expected(error: Exception) -> bool:
    """Tell whether the error was raised on purpose, with a sentence for staff."""
    return isinstance(error, (Unreadable, BadOptions))


def rejects_errors(
    read: Callable[Concatenate[Entry, int, Others], Sighting | Rejected],
) -> Callable[Concatenate[Entry, int, Others], Sighting | Rejected]:
    """Let the decorated reader of one entry reject an entry that raises an unexpected error, so
    that the other entries of the body are read.

    The reader's first argument is the entry and its second one the entry's place in the body.
    """

    @wraps(read)
    def isolated(
        entry: Entry, place: int, /, *args: Others.args, **kwargs: Others.kwargs
    ) -> Sighting | Rejected:
        try:
            return read(entry, place, *args, **kwargs)
        except VALUE_ERRORS as error:
            log.warning("entry_not_read", place=place, error=type(error).__name__)
            return Rejected(reason_of(error), place)

    return isolated
