"""Tokens: keyed, compact proofs that let whoever holds a link do exactly one thing.

A token is base64url text without padding over: each number as an unsigned LEB128 varint, the day of
issue where the power expires, then 12 bytes (96 bits) of keyed BLAKE2s (RFC 7693; half the time of
an HMAC, and every mail carries four). The power is part of the key, so a token of one power is
noise to any other. Nothing in a token is secret; all of it is hard to forge. Keys come from
SECRET_KEY and, for reading, SECRET_KEY_FALLBACKS, so links in old mail survive a rotation.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from django.conf import settings
from django.utils.crypto import constant_time_compare

from subscriptions.hashing import keyed

MAC_BYTES = 12
LONGEST_TOKEN = 128
_EPOCH = date(2020, 1, 1)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Power(StrEnum):
    """What a token lets its holder do, one thing each."""

    CONFIRM = "confirm"
    CHANGE_ADDRESS = "change_address"
    PREFERENCES = "preferences"
    LEAVE = "leave"
    LEAVE_PAGE = "leave_page"
    ACT = "act"
    VIEW = "view"


MAX_AGE_DAYS: dict[Power, int] = {
    Power.CONFIRM: 3,
    Power.CHANGE_ADDRESS: 3,
    Power.PREFERENCES: 60,
    Power.LEAVE_PAGE: 1,
    Power.ACT: 60,
}
"""How long a power lasts. `leave` and `view` are not here: they must work for as long as the
mail may be kept.
"""


class BadToken(Exception):
    """The text is not a token of this power that we issued."""


class ExpiredToken(BadToken):
    """We issued this token, but its time is over. `numbers` are what it was signed for."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        super().__init__("the token has expired")
        self.numbers = numbers


def sign(power: Power, *numbers: int, now: datetime | None = None) -> str:
    """Return a token that grants `power` over `numbers` (each 0 or more).

    A power that expires needs `now`, whose UTC day goes into the token; the others are the same
    text at any time.

    Raises:
        ValueError: for a negative number, or when a power that expires is signed without `now`.
    """
    return signer(power, settings.SECRET_KEY, now)(*numbers)


def signer(power: Power, secret: str, now: datetime | None = None) -> Callable[..., str]:
    """Return what signs any numbers for `power` at `now`: for many tokens, what they share is
    worked out once.

    Raises:
        ValueError: when a power that expires is to be signed without `now`.
    """
    before = _keyed(power, secret)
    expiry = _varint(_day(power, now)) if power in MAX_AGE_DAYS else b""

    def signed(*numbers: int) -> str:
        payload = b"".join(map(_varint, numbers)) + expiry
        return (
            binascii.b2a_base64(payload + _mac(before, payload), newline=False)
            .translate(_URL_SAFE, b"=")
            .decode("ascii")
        )

    return signed


def read(power: Power, token: str, now: datetime | None = None) -> tuple[int, ...]:
    """Return the numbers that `token` grants `power` over.

    Raises:
        BadToken: for any other text, also for a token of another power and for a second spelling of
            a good one.
        ExpiredToken: when the power expires and more than its days have passed.
        ValueError: when a power that expires is read without `now`.
    """
    payload = _verified(power, token)
    numbers = _numbers(payload)
    if power not in MAX_AGE_DAYS:
        return numbers
    if not numbers:
        raise BadToken("a token of this power names its day")
    *rest, day = numbers
    if _day(power, now) - day > MAX_AGE_DAYS[power]:
        raise ExpiredToken(tuple(rest))
    return tuple(rest)


def _verified(power: Power, token: str) -> bytes:
    content = _decode(token)
    payload, mac = content[:-MAC_BYTES], content[-MAC_BYTES:]
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    # Every key is tried, so that the time taken does not tell which one fits.
    if not sum(
        constant_time_compare(mac, _mac(_keyed(power, secret), payload)) for secret in secrets
    ):
        raise BadToken("the token was not issued for this")
    return payload


def _decode(token: str) -> bytes:
    if not token.isascii() or len(token) > LONGEST_TOKEN:
        raise BadToken("a token is short ASCII text")
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadToken("the token is not base64url") from error
    if len(content) < MAC_BYTES:
        raise BadToken("the token is cut short")
    # The last character carries unused bits: only the spelling we issue counts, so that one token
    # has one text.
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii") != token:
        raise BadToken("the token is spelt in another way than it was issued")
    return content


def _mac(before: "hashlib.blake2s", payload: bytes) -> bytes:
    mac = before.copy()
    mac.update(payload)
    return mac.digest()


def _keyed(power: Power, secret: str) -> "hashlib.blake2s":
    return keyed(f"paperboy.token.{power}", secret, MAC_BYTES)


def _day(power: Power, now: datetime | None) -> int:
    if now is None:
        raise ValueError(
            f"the power {power} expires, so its tokens are signed and read at a given time"
        )
    return _days_since_epoch(now)


@lru_cache(maxsize=64)
def _days_since_epoch(now: datetime) -> int:
    """Return the UTC day; the mails of a batch are signed at one instant."""
    return max(0, (now.astimezone(UTC).date() - _EPOCH) // timedelta(days=1))


@lru_cache(maxsize=1_024)
def _varint(number: int) -> bytes:
    """Encode a number; the tokens of one mail hold each of theirs twice."""
    if number < 0:
        raise ValueError("a token holds no negative numbers")
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _numbers(payload: bytes) -> tuple[int, ...]:
    numbers, value, shift = [], 0, 0
    for byte in payload:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value, shift = 0, 0
    if shift:
        raise BadToken("the token ends inside a number")
    return tuple(numbers)
