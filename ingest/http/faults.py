"""What can go wrong with an upstream, as one exception."""

from datetime import datetime
from enum import StrEnum


class Fault(StrEnum):
    """Why there is no answer."""

    FORBIDDEN = "forbidden"
    """We do not go there: the scheme, the host, its address, or where it redirects to. No
    connection was tried to that place.
    """
    REFUSED = "refused"
    """The upstream answered that this request is wrong, such as 400, 403 or 404."""
    TOO_LARGE = "too_large"
    """The body, as sent or unpacked, is over the cap."""
    UNREACHABLE = "unreachable"
    """Its name has no address now, or nothing answers there, or the connection broke."""
    TIMED_OUT = "timed_out"
    BROKEN = "broken"
    """It answered, but not in whole or not in HTTP."""
    THROTTLED = "throttled"
    """429: we ask too often."""
    UNAVAILABLE = "unavailable"
    """5xx and other statuses that ask for patience."""
    NOT_OUR_TURN = "not_our_turn"
    """The host was asked too recently, or told us to wait; nothing was sent. This is no failed
    try.
    """


PERMANENT = frozenset({Fault.FORBIDDEN, Fault.REFUSED, Fault.TOO_LARGE})
"""Asking the same again soon cannot help; somebody has to change something first."""


class UpstreamError(Exception):
    """There is no answer. The message says why, for staff, without the query of the address (it may
    hold a key).

    `retry_at` is the earliest instant to ask again: from PoliteClient the one that the upstream
    told, from `visits.visit` the one to store; None where neither knows one, then the next schedule
    decides.
    """

    def __init__(
        self,
        kind: Fault,
        message: str,
        *,
        status: int | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_at = retry_at

    @property
    def permanent(self) -> bool:
        """Whether asking the same again soon cannot help."""
        return self.kind in PERMANENT
