"""Quotas of the hour and the day, counted in the database as rolling windows: no stretch of that
length ever holds more.

Mails are counted when they are reserved, in slots much shorter than the window. A reservation may
be used for HELD, so a slot counts until everything that was reserved in it has left the window for
sure; that costs 3.3 % of an hourly quota and 1.1 % of a daily one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Min, QuerySet, Sum

from newsletter.models.rate import ProviderRate, QuotaSlot, QuotaWindow
from newsletter.sending.rate.limits import Limits

HELD = timedelta(minutes=1)
"""How long after its reservation a mail may still be handed over."""
SHARE_AT_ONCE = 16
"""One chunk takes at most this part of what is left, so that workers share the end of a quota
instead of holding it.
"""
LENGTH = {QuotaWindow.HOUR: timedelta(hours=1), QuotaWindow.DAY: timedelta(days=1)}
SLOT = {QuotaWindow.HOUR: timedelta(minutes=1), QuotaWindow.DAY: timedelta(minutes=15)}


@dataclass(frozen=True, slots=True)
class Reservation:
    """Mails taken out of the quotas at an instant. Fewer than needed: `wait_until` says when
    more become free.
    """

    count: int
    reserved_at: datetime
    wait_until: datetime | None = None


def quotas_of(limits: Limits) -> dict[QuotaWindow, int]:
    """Return the quotas that are set."""
    quotas = {QuotaWindow.HOUR: limits.per_hour, QuotaWindow.DAY: limits.per_day}
    return {window: quota for window, quota in quotas.items() if quota}


def reserve(
    provider: str, quotas: Mapping[QuotaWindow, int], needed: int, useful: int, now: datetime
) -> Reservation:
    """Take at least `needed` mails out of every window, or what is left; up to `useful` while
    there is plenty.
    """
    with transaction.atomic():
        _lock(provider)
        left = min(max(0, quota - used(provider, window, now)) for window, quota in quotas.items())
        count = min(left, max(needed, min(useful, left // SHARE_AT_ONCE)))
        if count:
            for window in QuotaWindow:
                _count(provider, window, count, now)
    return Reservation(count, now, None if count >= needed else _free_at(provider, quotas, now))


def give_back(provider: str, count: int, reserved_at: datetime) -> None:
    """Return reserved mails that nobody will hand over any more."""
    with transaction.atomic():
        _lock(provider)
        for window in QuotaWindow:
            slot = QuotaSlot.objects.filter(
                provider=provider, window=window, starts_at=_slot_start(window, reserved_at)
            )
            slot.filter(reserved__gte=count).update(reserved=F("reserved") - count)


def _lock(provider: str) -> None:
    """Change one provider's counters one at a time: two sums at once would both find the same
    mails free.
    """
    ProviderRate.objects.select_for_update().get(provider=provider)


def used(provider: str, window: QuotaWindow, now: datetime) -> int:
    """Return how many mails of the window are spent or reserved at `now`."""
    return _counting(provider, window, now).aggregate(used=Sum("reserved"))["used"] or 0


def _counting(provider: str, window: QuotaWindow, now: datetime) -> QuerySet[QuotaSlot]:
    """Slots whose mails may still lie in the window that ends now.

    Those of a clock that ran ahead count too, by a window's length at most: a quota must not stay
    spent until a date far ahead that somebody simulated.
    """
    return QuotaSlot.objects.filter(
        provider=provider,
        window=window,
        starts_at__gt=now - _counts_for(window),
        starts_at__lte=now + LENGTH[window],
    )


def _counts_for(window: QuotaWindow) -> timedelta:
    return LENGTH[window] + SLOT[window] + HELD


def _count(provider: str, window: QuotaWindow, count: int, now: datetime) -> None:
    slot, new = QuotaSlot.objects.get_or_create(
        provider=provider,
        window=window,
        starts_at=_slot_start(window, now),
        defaults={"reserved": count},
    )
    if new:
        QuotaSlot.objects.filter(
            provider=provider, window=window, starts_at__lt=now - 2 * _counts_for(window)
        ).delete()
    else:
        QuotaSlot.objects.filter(pk=slot.pk).update(reserved=F("reserved") + count)


def _free_at(provider: str, quotas: Mapping[QuotaWindow, int], now: datetime) -> datetime:
    """Return when the oldest slot of the fullest windows stops counting."""
    free = [now]
    for window, quota in quotas.items():
        if used(provider, window, now) >= quota:
            oldest = (
                _counting(provider, window, now)
                .filter(reserved__gt=0)
                .aggregate(first=Min("starts_at"))["first"]
            )
            free.append(oldest + _counts_for(window))
    return max(free)


def _slot_start(window: QuotaWindow, instant: datetime) -> datetime:
    seconds = int(SLOT[window].total_seconds())
    return datetime.fromtimestamp(int(instant.timestamp()) // seconds * seconds, UTC)
