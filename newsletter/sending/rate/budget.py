"""Budget: may I hand over so many mails now? One answer for the whole cluster, whichever worker
asks.

The second is rationed by a token bucket in Redis, the hour and the day by counters in the database,
which a flushed or restarted Redis cannot make forget. While Redis is away the database rations the
second too.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from newsletter.models.rate import ProviderRate, QuotaWindow
from newsletter.sending.rate.bucket import (
    DatabaseBucket,
    Draw,
    RedisAway,
    RedisBucket,
    redis_bucket,
    shape_of,
)
from newsletter.sending.rate.limits import Limits, configured_limits
from newsletter.sending.rate.pace import Pace
from newsletter.sending.rate.quota import Reservation, give_back, quotas_of, reserve, used

log = structlog.get_logger(__name__)

CHUNK_SECONDS = 10
"""A chunk of quota is what a worker may use in this time at full rate."""
LARGEST_CHUNK = 500
CHUNK_KEPT = timedelta(seconds=30)
"""Half of the time that a reservation holds: the other half is for handing over."""
FREE_FOR = timedelta(seconds=0.25)
"""So long after a throttling the workers of a provider without limits may not know of it."""
REDIS_LEFT_ALONE = timedelta(seconds=5)
"""After a failure Redis is not asked again so long, or each question would wait for its
time-out.
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many mails may be handed over, within half a minute. Fewer than asked for: ask again at
    `wait_until`.

    Where nothing limits the mails, as many more may go without a question until `free_until`.
    """

    count: int
    wait_until: datetime | None = None
    free_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The budget as staff see it: mails per second now (infinite: no limit), and what the
    windows hold of their quotas (0: none).
    """

    provider: str
    rate: float
    paused_until: datetime | None
    limits: Limits
    hour_used: int
    day_used: int


class Budget:
    """One worker's door to the cluster's budget of one provider.

    Keep it for a batch: it holds a small chunk of the quotas, so that not every grant writes to the
    database. Call `release` at the end; a worker that dies instead costs the quota that chunk, and
    never overruns it. Used by one thread.
    """

    def __init__(
        self, provider: str, limits: Limits | None = None, bucket: RedisBucket | None = None
    ) -> None:
        self.provider = provider
        self.limits = configured_limits() if limits is None else limits
        self._quotas = quotas_of(self.limits)
        self._redis = bucket or redis_bucket()
        self._redis_again: datetime | None = None
        self._chunk: Reservation | None = None

    def take(self, n: int, now: datetime) -> Grant:
        """Take up to `n` mails out of the budget; they are spent, handed over or not, unless
        `release` returns them.

        Raises:
            ValueError: when `n` is not positive.
        """
        if n < 1:
            raise ValueError(f"{n} mails cannot be asked for; ask for one or more.")
        pace = self._ensure_pace()
        paused_until = pace.pause(now)
        if paused_until is not None:
            return Grant(0, paused_until)
        rate = pace.current(now, self.limits.per_second)
        if math.isinf(rate) and not self._quotas:
            return Grant(n, free_until=now + FREE_FOR)
        draw = self._draw(n, rate, now)
        wait_until = now + draw.wait if draw.count < n else None
        if not (self._quotas and draw.count):
            return Grant(draw.count, wait_until)
        count, quota_wait = self._out_of_quota(draw.count, rate, now)
        return Grant(count, quota_wait or wait_until)

    def throttled(self, now: datetime, retry_at: datetime | None = None) -> None:
        """Note that the provider asked for less: the whole cluster pauses, until `retry_at` if
        it said so, and goes on slower.
        """
        self._ensure_pace()
        with transaction.atomic():
            row = ProviderRate.objects.select_for_update().get(provider=self.provider)
            pace = Pace(row.rate, row.paused_until).throttled(now, retry_at, self.limits.per_second)
            ProviderRate.objects.filter(pk=row.pk).update(
                rate=pace.rate, paused_until=pace.paused_until
            )
        log.warning(
            "provider_throttled",
            provider=self.provider,
            rate=pace.rate,
            paused_until=pace.paused_until,
        )

    def release(self, unused: int = 0) -> None:
        """Return what is reserved and not granted to the quotas, and `unused` mails of the last
        grant.
        """
        chunk, self._chunk = self._chunk, None
        if chunk is not None and chunk.count + unused:
            give_back(self.provider, chunk.count + unused, chunk.reserved_at)

    def report(self, now: datetime) -> Report:
        """Return the budget as it stands. This only reads."""
        pace = self._stored_pace() or Pace()
        return Report(
            self.provider,
            rate=pace.current(now, self.limits.per_second),
            paused_until=pace.pause(now),
            limits=self.limits,
            hour_used=used(self.provider, QuotaWindow.HOUR, now),
            day_used=used(self.provider, QuotaWindow.DAY, now),
        )

    def _stored_pace(self) -> Pace | None:
        known = ProviderRate.objects.filter(provider=self.provider)
        for rate, paused_until in known.values_list("rate", "paused_until")[:1]:
            return Pace(rate, paused_until)
        return None

    def _ensure_pace(self) -> Pace:
        """Return the stored pace. Make its row if it is missing."""
        stored = self._stored_pace()
        if stored is None:
            ProviderRate.objects.get_or_create(provider=self.provider)
        return stored or Pace()

    def _draw(self, n: int, rate: float, now: datetime) -> Draw:
        if math.isinf(rate):
            return Draw(n, timedelta())
        shape = shape_of(rate)
        if self._redis_again is None or now >= self._redis_again:
            try:
                return self._redis.draw(self.provider, n, shape, now)
            except RedisAway as error:
                log.warning("redis_away_database_rations", provider=self.provider, error=str(error))
                self._redis_again = now + REDIS_LEFT_ALONE
        return DatabaseBucket().draw(self.provider, n, shape, now)

    def _out_of_quota(self, count: int, rate: float, now: datetime) -> tuple[int, datetime | None]:
        """Return how many of `count` the quotas allow, and when to ask again if not all."""
        chunk = self._chunk
        if (
            chunk is None
            or chunk.count < count
            or not chunk.reserved_at <= now < chunk.reserved_at + CHUNK_KEPT
        ):
            self.release()
            useful = min(LARGEST_CHUNK, math.ceil(min(rate, LARGEST_CHUNK) * CHUNK_SECONDS))
            chunk = reserve(self.provider, self._quotas, count, useful, now)
        granted = min(count, chunk.count)
        self._chunk = Reservation(chunk.count - granted, chunk.reserved_at)
        return granted, chunk.wait_until
