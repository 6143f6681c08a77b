"""What an upstream says about when to come again."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WAIT = timedelta(days=1)
"""An upstream that asks for more gets this, so that a slip on its side does not silence a source
for years.
"""
_SECONDS = re.compile(r"[0-9]{1,18}")
_ITEM = re.compile(r'"[^"]*"((?:\s*;\s*[a-z]+=[0-9]{1,18})+)')
_PARAMETER = re.compile(r"([a-z]+)=([0-9]+)")


def told_wait(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when a refusal (429, 503 and the like) asks us to wait, or None where it does
    not say.

    Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110 section 10.2.3), and `RateLimit`;
    where both speak, the later one. `headers` has lower-case names.
    """
    quotas = [_within_a_day(timedelta(seconds=left + 1), now) for _, left in _quotas(headers)]
    retry_after = _retry_after(headers.get("retry-after", "").strip(), now)
    return max([*quotas, *([retry_after] if retry_after else [])], default=None)


def used_up(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when a good answer's `RateLimit` allows no more requests, or None while some
    are left.
    """
    return max(
        (
            _within_a_day(timedelta(seconds=left + 1), now)
            for remaining, left in _quotas(headers)
            if not remaining
        ),
        default=None,
    )


def _retry_after(text: str, now: datetime) -> datetime | None:
    if _SECONDS.fullmatch(text):
        return _within_a_day(
            timedelta(seconds=min(int(text), int(LONGEST_WAIT.total_seconds()))), now
        )
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return _within_a_day(instant - now, now)


def _quotas(headers: Mapping[str, str]) -> list[tuple[int, int]]:
    """Return (requests remaining, seconds until renewed) of each quota, as in `"api";r=0;t=120`
    (IETF draft ratelimit-headers).
    """
    items = [dict(_PARAMETER.findall(item)) for item in _ITEM.findall(headers.get("ratelimit", ""))]
    longest = int(LONGEST_WAIT.total_seconds())
    return [
        (int(item["r"]), min(int(item["t"]), longest))
        for item in items
        if {"r", "t"} <= item.keys()
    ]


def _within_a_day(wait: timedelta, now: datetime) -> datetime:
    return now + min(max(wait, timedelta()), LONGEST_WAIT)
