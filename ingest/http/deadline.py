"""A deadline over everything one visit does: looking up, connecting, TLS, headers and body."""

import time
from collections.abc import Callable

from ingest.http.faults import Fault, UpstreamError

Monotonic = Callable[[], float]


class Deadline:
    """Counts down from its making. Each wait asks it how long it may be, so that an upstream
    that drips cannot hold us for ever.
    """

    def __init__(self, seconds: float, clock: Monotonic = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return self._clock() - self._began

    def at_most(self, seconds: float | None) -> float:
        """Return how long the next wait may be, in seconds: never 0, which would mean no waiting at
        all to a socket.

        Raises:
            UpstreamError: TIMED_OUT, when no time is left.
        """
        left = self.seconds - self.elapsed
        if left <= 0:
            raise UpstreamError(
                Fault.TIMED_OUT, f"There was no whole answer within {self.seconds:g} seconds."
            )
        return left if seconds is None else min(seconds, left)
