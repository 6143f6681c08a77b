"""Opening an edition: one a day and cadence, with the nominal instant that every slot is counted
from.
"""

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings

from newsletter.editions.candidates import rebuild
from newsletter.models import Edition, EditionCadence

WEEKLY_EXTRA_DAYS = 2


def nominal_instant(day: date) -> datetime:
    """Return the instant by which the edition of `day` is frozen: `EDITION_HOUR` in UTC."""
    return datetime.combine(day, time(settings.EDITION_HOUR), UTC)


def latest_day(cadence: str, now: datetime) -> date | None:
    """Return the day whose edition should exist at `now`: the newest whose review has begun.

    A weekly edition has none for most of the week: its window is the day that begins with its
    review.
    """
    day = (
        now.astimezone(UTC) + timedelta(hours=settings.REVIEW_HOURS - settings.EDITION_HOUR)
    ).date()
    if cadence == EditionCadence.WEEKLY and day.weekday() != settings.EDITION_WEEKDAY:
        return None
    return day


def open_edition(cadence: str, day: date, now: datetime, *, days: int | None = None) -> Edition:
    """Return the edition of `day`, opened with its candidates when it does not exist yet. Safe to
    repeat.

    Args:
        days: how many listing days back, `day` included, its candidates come from; the setting
            `CANDIDATE_DAYS` without it.
    """
    usual = settings.CANDIDATE_DAYS + (WEEKLY_EXTRA_DAYS if cadence == EditionCadence.WEEKLY else 0)
    edition, created = Edition.objects.get_or_create(
        cadence=cadence,
        day=day,
        defaults={
            "nominal_at": nominal_instant(day),
            "candidate_days": days or usual,
            "opened_at": now,
        },
    )
    if created:
        rebuild(edition, now)
    return edition
