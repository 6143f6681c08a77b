"""How the sources are: what staff see of each, and the one line that readers get when one is
missing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Max
from django.utils.translation import gettext as _

from ingest import schedule
from ingest.failures import VALUE_ERRORS
from ingest.http.spacing import group_of
from ingest.models import Fetch, FetchStatus, HostPace, Run, RunState, Source
from ingest.sources.protocol import Window
from ingest.sources.registry import KINDS
from ingest.workdays import is_working_day

GRACE = timedelta(hours=3)
"""How long after its scheduled time a source may still be at it before it is called late."""


class Standing(StrEnum):
    """How a source is doing; the value is what staff read."""

    FINE = "fine"
    OFF = "off"
    """Not asked by the clock: switched off, or read from files."""
    WAITING = "waiting"
    """Never asked yet, its first time has not come."""
    ASKING = "asking"
    QUIET = "quiet"
    """It answers, but brought nothing new on a working day, or shows an old batch."""
    FAILING = "failing"
    """Its newest run was given up."""
    LATE = "late"
    """No run has ended well since its last scheduled time."""


MISSING = frozenset({Standing.FAILING, Standing.LATE})


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source as it stands at an instant. `error` is the newest problem, empty when there is
    none.
    """

    source: Source
    standing: Standing
    last_good_at: datetime | None
    last_listed_at: datetime | None
    next_due_at: datetime | None
    waits_until: datetime | None
    error: str


def health(now: datetime) -> list[SourceHealth]:
    """Return how every source is at `now`, in order of their priority."""
    return [_health(source, now) for source in Source.objects.order_by("priority", "slug")]


def honest_line(now: datetime) -> str:
    """Return one sentence for readers that names the sources that are missing at `now`; empty
    when none is.
    """
    missing = [each.source.title for each in health(now) if each.standing in MISSING]
    if not missing:
        return ""
    if len(missing) == 1:
        return _("Today without %(source)s, which could not be read.") % {"source": missing[0]}
    return _("Today without these sources, which could not be read: %(sources)s.") % {
        "sources": ", ".join(missing)
    }


def _health(source: Source, now: datetime) -> SourceHealth:
    fetches = Fetch.objects.filter(source=source, started_at__lte=now)
    good = fetches.filter(status__in=[FetchStatus.DONE, FetchStatus.NOT_MODIFIED]).aggregate(
        at=Max("finished_at")
    )["at"]
    listed = fetches.filter(listed__gt=0).aggregate(at=Max("started_at"))["at"]
    run = (
        Run.objects.filter(source=source, started_at__lte=now, due_at__isnull=False)
        .order_by("-due_at")
        .first()
    )
    standing = _standing(source, run, listed, now)
    return SourceHealth(
        source=source,
        standing=standing,
        last_good_at=good,
        last_listed_at=listed,
        next_due_at=schedule.next_due(source, now)
        if source.enabled and source.kind in KINDS
        else None,
        waits_until=_waits_until(source, run, now),
        error=run.error if run and standing in {*MISSING, Standing.ASKING} else "",
    )


def _standing(source: Source, run: Run | None, listed: datetime | None, now: datetime) -> Standing:
    if not source.enabled or source.kind not in KINDS:
        return Standing.OFF
    if run is None:
        return Standing.WAITING
    if run.state == RunState.FAILED:
        return Standing.FAILING
    due_at = schedule.latest_due(source, now)
    if due_at and now > due_at + GRACE and not _ended_well_since(source, due_at):
        return Standing.LATE
    if run.state == RunState.RUNNING:
        return Standing.ASKING
    return Standing.QUIET if _is_quiet(source, listed, now) else Standing.FINE


def _ended_well_since(source: Source, due_at: datetime) -> bool:
    """Tell whether a run was read to its end since; one that looks again because nothing was new
    has been read to its end, too.
    """
    return (
        Run.objects.filter(source=source, due_at__gte=due_at)
        .exclude(state=RunState.RUNNING, looks=1)
        .exists()
    )


def _is_quiet(source: Source, listed: datetime | None, now: datetime) -> bool:
    """Tell whether the newest working day that is over for this source brought nothing."""
    if not KINDS[source.kind].daily:
        return False
    day = _last_day_that_is_over(source, now)
    while not is_working_day(day.date()):
        day -= timedelta(days=1)
    return listed is None or listed < day


def _last_day_that_is_over(source: Source, now: datetime) -> datetime:
    """Return the midnight that began the newest day whose last scheduled time has passed."""
    morning = now.replace(hour=0, minute=0, second=0, microsecond=0)
    due_at = schedule.latest_due(source, now)
    is_over = (
        due_at is not None and due_at >= morning and schedule.is_last_of_its_day(source, due_at)
    )
    return morning if is_over else morning - timedelta(days=1)


def _waits_until(source: Source, run: Run | None, now: datetime) -> datetime | None:
    """Return until when the source's host, or its own backoff, lets nobody ask; None when it may
    be asked.
    """
    if source.kind not in KINDS:
        return None
    waits: list[datetime | None] = (
        [run.next_try_at] if run and run.state == RunState.RUNNING else []
    )
    try:
        kind = KINDS[source.kind]
        url = kind.request(
            kind.first(Window(now.date(), now.date()), source.options), source.options, ""
        ).url
        host = group_of(url)
    except VALUE_ERRORS:  # wrong options: the source's run has failed with the reason
        return None
    waits += HostPace.objects.filter(host=host, cool_down_until__isnull=False).values_list(
        "cool_down_until", flat=True
    )
    return max((wait for wait in waits if wait and wait > now), default=None)
