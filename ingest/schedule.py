"""When a source is asked: the times of day (UTC) of the settings, or those that staff gave the
source.
"""

from datetime import UTC, datetime, time, timedelta

from django.conf import settings

from ingest.models import Source


def times_of(source: Source) -> list[time]:
    """Return the times of day at which a source is asked, sorted; staff may set them as its option
    `times`, such as ["05:20"].

    A text that is no time is passed over here; the checks of the desk and of the settings tell
    about it.
    """
    given = source.options.get("times") if isinstance(source.options, dict) else None
    if not given or not isinstance(given, list):
        given = settings.SOURCE_TIMES.get(source.slug) or settings.SOURCE_TIMES.get(source.kind, [])
    return sorted(moment for moment in map(_time, given) if moment)


def latest_due(source: Source, now: datetime) -> datetime | None:
    """Return the newest scheduled instant at or before `now`, None for a source that is never
    asked by the clock.
    """
    days = (now.astimezone(UTC).date() - timedelta(days=back) for back in (0, 1))
    due = [datetime.combine(day, moment, UTC) for day in days for moment in times_of(source)]
    return max((instant for instant in due if instant <= now), default=None)


def next_due(source: Source, now: datetime) -> datetime | None:
    """Return the next scheduled instant after `now`."""
    days = (now.astimezone(UTC).date() + timedelta(days=ahead) for ahead in (0, 1))
    due = [datetime.combine(day, moment, UTC) for day in days for moment in times_of(source)]
    return min((instant for instant in due if instant > now), default=None)


def is_last_of_its_day(source: Source, due_at: datetime) -> bool:
    """Tell whether a scheduled instant is the source's last on its day: what has not come by
    then did not come that day.
    """
    moments = times_of(source)
    return not moments or due_at.astimezone(UTC).time() >= moments[-1]


def _time(text: object) -> time | None:
    try:
        return time.fromisoformat(str(text)).replace(tzinfo=None)
    except ValueError:
        return None
