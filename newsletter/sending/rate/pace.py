"""Pace: what throttling leaves of a provider's rate. Cut by a factor when throttled, grown back
evenly (AIMD, Chiu and Jain 1989).
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

CUT = 0.7
"""What one throttling leaves. Around a limit that we do not know, the rate then swings between
70 and 100 % of it.
"""
LEAST_SHARE = 1 / 64
RECOVERY = timedelta(minutes=10)
"""How long the way from nothing back to the ceiling takes."""
REST = timedelta(seconds=5)
"""How long a provider rests that did not say."""
LEAST_REST = timedelta(seconds=1)
"""One that says "now", or an instant that is over by our clock, has refused mails on many
connections in the same moment.
"""
LONGEST_REST = timedelta(hours=1)
ASSUMED_CEILING = 100.0
"""Mails per second to begin cutting from when no rate is set."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate that was left when the provider throttled, growing since `paused_until`. The
    default was never throttled.
    """

    rate: float | None = None
    paused_until: datetime | None = None

    def pause(self, now: datetime) -> datetime | None:
        """Return until when nothing may be sent; None when it may. A pause beyond the longest
        one was set by another clock.
        """
        if self.paused_until is None or not now < self.paused_until <= now + LONGEST_REST:
            return None
        return self.paused_until

    def current(self, now: datetime, ceiling: float) -> float:
        """Return the mails per second allowed at `now`; infinite without a ceiling (0) and
        without a recent throttling.
        """
        top = ceiling or ASSUMED_CEILING
        if self.rate is None or self.paused_until is None:
            grown = top
        else:
            grown = self.rate + top * max(timedelta(), now - self.paused_until) / RECOVERY
        if grown < top:
            return grown
        return ceiling or math.inf

    def throttled(self, now: datetime, retry_at: datetime | None, ceiling: float) -> "Pace":
        """Return the pace after the provider asked for less.

        Signals that arrive during a pause speak of mails begun before it: they may lengthen the
        pause, and cut nothing again.
        """
        until = min(max(retry_at or now + REST, now + LEAST_REST), now + LONGEST_REST)
        running = self.pause(now)
        if running is not None:
            return Pace(self.rate, max(until, running))
        top = ceiling or ASSUMED_CEILING
        return Pace(max(min(self.current(now, ceiling), top) * CUT, top * LEAST_SHARE), until)
