"""Tasks of the sources: they carry ids, read the clock, call one function, and may each run
twice.
"""

from celery import shared_task
from django.utils import timezone

from ingest import recording, runs, suggesting
from ingest.http.visits import our_client

WAKE_UP_KEEPS = 30
"""Seconds a wake-up stays in the queue: the next beat asks the database again, so older ones
only pile up.
"""


@shared_task
def ask_sources() -> None:
    """Begin the runs whose time has come, and wake a worker for every page that may be asked
    for.
    """
    now = timezone.now()
    runs.begin_due_runs(now)
    for run_id in runs.due_runs(now):
        read_page.apply_async((run_id,), expires=WAKE_UP_KEEPS)


@shared_task
def read_page(run_id: int) -> None:
    """Ask for the next page of a run, if it is still to be asked for."""
    runs.read_page(run_id, timezone.now, our_client())


@shared_task
def look_back() -> None:
    """Close what killed processes left open, and suggest papers that may be one. That comes last:
    an error in it keeps nothing else from being done.
    """
    now = timezone.now()
    recording.close_abandoned(now)
    suggesting.suggest(now)
