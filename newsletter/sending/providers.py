"""Providers: which way out a batch takes, what each may carry, and who steps in for one that
fails.
"""

import math
import random
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db.models import F

from newsletter.models import Provider
from newsletter.models.rate import ProviderRate
from newsletter.sending.rate import Budget, Limits, configured_limits, pace

log = structlog.get_logger(__name__)

FIRST_REST = timedelta(minutes=2)
LONGEST_REST = timedelta(hours=1)
_dice = random.SystemRandom()


def choose_provider(now: datetime) -> str | None:
    """Return the provider for a batch, by weight among those that are well and have room; None when
    there is none just now.

    A batch that is carried over may take another one than before: what it still holds was not
    accepted. What is uncertain stays behind.
    """
    names = settings.MAIL_PROVIDERS
    if len(names) == 1:
        return str(names[0])
    free = [
        row
        for row in ensure_providers()
        if row.weight and _is_well(row, now) and _has_room(row, now)
    ]
    return _dice.choices(free, [row.weight for row in free])[0].name if free else None


def ensure_providers() -> list[Provider]:
    """Return the rows of the configured providers. Make those that are missing."""
    rows = {row.name: row for row in Provider.objects.filter(name__in=settings.MAIL_PROVIDERS)}
    for name in settings.MAIL_PROVIDERS:
        if name not in rows:
            rows[name], _ = Provider.objects.get_or_create(name=name)
    return [rows[name] for name in settings.MAIL_PROVIDERS]


def others(name: str, now: datetime) -> bool:
    """Say whether another provider could go on in the place of this one."""
    return len(settings.MAIL_PROVIDERS) > 1 and any(
        row.weight and row.name != name and _is_well(row, now) for row in ensure_providers()
    )


def limits_of(name: str, now: datetime) -> Limits:
    """Return what a provider may carry: its own limits, the settings' where it has none, and not
    more than its warm-up allows.
    """
    row, usual = Provider.objects.filter(name=name).first(), configured_limits()
    if row is None:
        return usual
    per_day = _or(row.per_day, usual.per_day)
    ceiling = warm_up_ceiling(row, now)
    if ceiling is not None and (not per_day or ceiling < per_day):
        per_day = ceiling
    return Limits(_or(row.per_second, usual.per_second), _or(row.per_hour, usual.per_hour), per_day)


def warm_up_ceiling(row: Provider, now: datetime) -> int | None:
    """Return how many mails the warm-up plan allows on the day of `now`; None without a plan,
    and once it is far beyond any volume.
    """
    if row.warm_up_from is None:
        return None
    days = max(0, (now.date() - row.warm_up_from).days)
    if days * math.log(row.warm_up_growth) > math.log(2**31 / row.warm_up_first):
        return None
    return int(row.warm_up_first * row.warm_up_growth**days)


def failed(name: str, reason: str, now: datetime) -> None:
    """Let a provider rest that failed as a whole: longer each time, until it carries a mail again.

    Failures that are told during a rest are of mails begun before it, over other connections: they
    prolong nothing.
    """
    row, _ = Provider.objects.get_or_create(name=name)
    if _rests(row, now):
        return
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(row.failures, 10))
    Provider.objects.filter(pk=row.pk).update(
        failures=F("failures") + 1, rests_until=now + rest, rests_because=reason[:300]
    )
    log.error("provider_rests", provider=name, reason=reason, until=now + rest)


def worked(name: str, now: datetime) -> None:
    """Note that a provider carries mail. One without others beside it is never let rest, so there
    is nothing to note.

    What is told during a rest was carried before the provider failed: it ends no rest.
    """
    if len(settings.MAIL_PROVIDERS) > 1:
        awake = Provider.objects.exclude(rests_until__gt=now, rests_until__lte=now + LONGEST_REST)
        awake.filter(name=name, failures__gt=0).update(
            failures=0, rests_until=None, rests_because=""
        )


def _is_well(row: Provider, now: datetime) -> bool:
    paused = ProviderRate.objects.filter(
        provider=row.name, paused_until__gt=now, paused_until__lte=now + pace.LONGEST_REST
    )
    return not (_rests(row, now) or paused.exists())


def _rests(row: Provider, now: datetime) -> bool:
    """Say whether the provider rests. A rest beyond the longest one was set by another clock."""
    return row.rests_until is not None and now < row.rests_until <= now + LONGEST_REST


def _has_room(row: Provider, now: datetime) -> bool:
    limits = limits_of(row.name, now)
    if not (limits.per_hour or limits.per_day):
        return True
    report = Budget(row.name, limits).report(now)
    return all(
        not quota or used < quota
        for used, quota in ((report.hour_used, limits.per_hour), (report.day_used, limits.per_day))
    )


Number = TypeVar("Number", int, float)


def _or(own: Number | None, usual: Number) -> Number:
    return usual if own is None else own
