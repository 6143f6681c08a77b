"""Letting simulated time pass: what beat and the workers do, in one process, with a clock that
jumps to the next thing to do.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from ingest import runs, schedule
from ingest.http.client import PoliteClient
from ingest.known_sources import enabled_sources
from ingest.models import Run, RunState, Source

TICK = timedelta(seconds=1)


class SimulatedClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def work_until(until: datetime, clock: SimulatedClock, client: PoliteClient) -> None:
    """Begin what is due and read what may be read, until the clock shows `until`."""
    while True:
        runs.begin_due_runs(clock.now)
        _read_pages(clock, client)
        if clock.now >= until:
            return
        clock.now = min(until, max(clock.now + TICK, _next(clock.now)))


def finish_runs(clock: SimulatedClock, client: PoliteClient) -> None:
    """Read the runs that are under way to their ends; no other begins."""
    while _open_runs().exists():
        clock.now = max(clock.now, _open_runs().earliest("next_try_at").next_try_at)
        _read_pages(clock, client)


def _read_pages(clock: SimulatedClock, client: PoliteClient) -> None:
    for run_id in runs.due_runs(clock.now):
        runs.read_page(run_id, clock, client)


def _open_runs() -> QuerySet[Run]:
    return Run.objects.filter(state=RunState.RUNNING)


def _next(now: datetime) -> datetime:
    """Return when there is something to do again."""
    tries = _open_runs().values_list("next_try_at", flat=True)
    due = [at for source in enabled_sources() if (at := schedule.next_due(source, now))]
    return min([*tries, *due], default=now + timedelta(days=1))


def a_source(
    slug: str,
    kind: str,
    url: str,
    *,
    priority: int = 50,
    times: tuple[str, ...] = (),
    **options: object,
) -> Source:
    """Store a source that is asked at `url`, by default at 05:20."""
    return Source.objects.create(
        slug=slug,
        kind=kind,
        title=slug.title(),
        priority=priority,
        options={"url": url, "times": list(times) or ["05:20"], **options},
    )
