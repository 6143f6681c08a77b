"""The one clock. Domain functions take `now`; only tasks, commands and views ask for it here."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

Clock = Callable[[], datetime]


class BadInstant(ValueError):
    """An instant was not ISO 8601 with an offset, such as 2026-01-10T05:00:00+00:00."""


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant. It must carry an offset: a naive time would mean another moment on
    another machine.

    Raises:
        BadInstant: with the text and an example of the right form.
    """
    try:
        instant = parse_datetime(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise BadInstant(f"“{text}” is no valid instant: {error}.") from error
    if instant is None or instant.tzinfo is None:
        raise BadInstant(
            f"“{text}” is not an instant with an offset, such as 2026-01-10T05:00:00Z."
        )
    return instant


def ticking(start: datetime | None = None) -> Clock:
    """Return a clock that starts at `start` and runs at real speed; without `start`, the real one.

    The elapsed time comes from the monotonic clock, so a step of the system's clock moves no
    simulated instant.
    """
    if start is None:
        return timezone.now
    began = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - began)
