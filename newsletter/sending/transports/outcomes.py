"""What may come of a hand-over besides success: the one exception family at the border to the
providers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from subscriptions.redaction import stored_reason


class HandOverError(Exception):
    """A mail was not accepted, or nobody knows whether it was. `reason` is for staff and names
    no address.
    """

    def __init__(self, reason: str) -> None:
        self.reason = stored_reason(reason)
        super().__init__(self.reason)


class Throttled(HandOverError):
    """The provider wants less, or cannot be reached: nothing was accepted, the reader stays due,
    the rate drops.

    `wait` is how many seconds the provider asked for, None when it did not say.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class NoRoom(Throttled):
    """The provider answers, but opens no connection, or not one more than there are: nothing was
    begun.
    """


class Transient(HandOverError):
    """This mail was not accepted now; it may be later."""


class PermanentForReader(HandOverError):
    """This mail will never be accepted; the next one may."""


class PermanentForAll(HandOverError):
    """No mail will be accepted until a person changes something: stop the run and tell them."""


class Uncertain(HandOverError):
    """The answer is lost: the mail may have been accepted. No machine guesses."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, in both its forms (RFC 9110 section 10.2.3);
    None when there is none to read.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        # An HTTP date is always in UTC; the zone "-0000" merely reads as none.
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
