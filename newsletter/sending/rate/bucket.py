"""The token bucket: how many mails may go at this instant. One law, in Python for the database and
in Lua for Redis.

It is shaped so that no second sees more than the rate: a bucket that holds `burst` and fills by
`refill` lets at most burst + refill x T go in any T seconds.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import redis
from django.db import transaction

from newsletter.broker import broker_client
from newsletter.models.rate import ProviderRate

BURST_SHARE = 0.04
"""Of a second's mails, what may go at once. The price is as much of the rate; a few dozen
questions per second are affordable.
"""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""Clocks of machines differ by less; a bucket drawn from further in the future was another
clock's (a demo's) and begins anew, empty.
"""
MICROSECOND = timedelta(microseconds=1)
ANSWER_SECONDS = 1.0

_LUA = """
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local now, refill, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, tolerance = tonumber(ARGV[4]), tonumber(ARGV[5])
local tokens, at = tonumber(held[1]), tonumber(held[2])
if not at or at > now + tolerance then
  tokens, at = 0, now
end
local moment = math.max(at, now)
tokens = math.min(burst, tokens + (moment - at) * refill / 1000000)
local count = math.min(wanted, math.floor(tokens))
tokens = tokens - count
local kept = {'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', moment)}
redis.call('HSET', KEYS[1], unpack(kept))
redis.call('EXPIRE', KEYS[1], 86400)
local missing = math.min(wanted - count, math.max(1, burst / 2)) - tokens
local wait = 0
if count < wanted then
  wait = moment - now + math.ceil(missing / refill * 1000000)
end
return {count, wait}
"""


class RedisAway(Exception):
    """Redis did not answer; whether it drew tokens is unknown."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How many tokens were drawn, and how long to wait for more (zero when all were)."""

    count: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Shape:
    """Tokens per second, and the most a bucket holds."""

    refill: float
    burst: float


def shape_of(rate: float) -> Shape:
    """Return the bucket for a rate in mails per second. Below 25 it holds a single token, so
    mails go evenly spaced.
    """
    burst = rate * BURST_SHARE
    return Shape(rate, 1.0) if burst <= 1 else Shape(rate - burst, burst)


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket holds, as of an instant."""

    tokens: float
    at: datetime

    def drawn(self, wanted: int, shape: Shape, now: datetime) -> tuple["Level", Draw]:
        """Draw up to `wanted` whole tokens. Time never runs backwards for a bucket, so machines'
        clocks may differ a little.
        """
        tokens, at = (0.0, now) if self.at > now + CLOCK_TOLERANCE else (self.tokens, self.at)
        moment = max(at, now)
        tokens = min(shape.burst, tokens + (moment - at) / MICROSECOND * shape.refill / 1_000_000)
        count = min(wanted, math.floor(tokens))
        tokens -= count
        missing = min(wanted - count, max(1.0, shape.burst / 2)) - tokens
        wait = (
            moment - now + timedelta(microseconds=math.ceil(missing / shape.refill * 1_000_000))
            if count < wanted
            else timedelta()
        )
        return Level(tokens, moment), Draw(count, wait)


class RedisBucket:
    """The provider's bucket in Redis. A bucket that Redis does not know begins empty: after a
    flush nothing goes twice.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._script = client.register_script(_LUA)

    def draw(self, provider: str, wanted: int, shape: Shape, now: datetime) -> Draw:
        """Draw up to `wanted` tokens in one atomic step.

        Raises:
            RedisAway: when Redis does not answer in time.
        """
        arguments = (
            _microseconds(now),
            repr(shape.refill),
            repr(shape.burst),
            wanted,
            CLOCK_TOLERANCE // MICROSECOND,
        )
        try:
            count, wait = self._script(keys=[f"paperboy:rate:{provider}"], args=arguments)
        except redis.RedisError as error:
            raise RedisAway(type(error).__name__) from error
        return Draw(int(count), timedelta(microseconds=int(wait)))


class DatabaseBucket:
    """The bucket that stands in while Redis is away: the same law, on the provider's row under a
    lock.

    Either bucket is full again when nobody drew from it for a moment, so each change between them
    can let one burst more go.
    """

    def draw(self, provider: str, wanted: int, shape: Shape, now: datetime) -> Draw:
        """Draw up to `wanted` tokens."""
        with transaction.atomic():
            row = ProviderRate.objects.select_for_update().get(provider=provider)
            level, draw = Level(row.tokens, row.drawn_at or now).drawn(wanted, shape, now)
            ProviderRate.objects.filter(pk=row.pk).update(tokens=level.tokens, drawn_at=level.at)
        return draw


@lru_cache(maxsize=1)
def redis_bucket() -> RedisBucket:
    """Return the bucket on the broker's Redis, one per process. It answers within a second or
    counts as away.
    """
    return RedisBucket(broker_client(ANSWER_SECONDS))


def _microseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000)
