"""When to try again after a failure nobody gave a time for: exponential backoff with full
jitter. Pure.
"""

from collections.abc import Callable
from datetime import timedelta

TRIES = 5
BASE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)

Draw = Callable[[], float]
"""Gives a number from 0 (included) to 1 (excluded), as `random.random` does."""


def pause(failures: int, draw: Draw, base: timedelta = BASE) -> timedelta | None:
    """Return how long to wait after the given number of failed tries in a row, or None when it is
    time to give up until the schedule.

    Full jitter: any time from 0 to `base` doubled with each failure, so that workers who failed
    together do not come back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015).

    Raises:
        ValueError: for less than one failure.
    """
    if failures < 1:
        raise ValueError("a pause follows a failure")
    if failures >= TRIES:
        return None
    longest: timedelta = min(LONGEST_PAUSE, base * 2 ** (failures - 1))
    return draw() * longest
