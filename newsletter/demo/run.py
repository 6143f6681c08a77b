"""Stepping the clock of the demo through all send hours while a real worker sends."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from newsletter.models import Edition
from newsletter.processes import Processes
from newsletter.sending.due import at_work, last_lease, next_instant
from newsletter.sending.sweep import close_books
from newsletter.tasks import sweep, tick

STEP_SECONDS = 120
WAKE_AGAIN_SECONDS = 5


class WorkerGone(RuntimeError):
    """The worker ended in the middle of the demo; running it again takes up where it stopped."""


def send_all(
    editions: Sequence[Edition], processes: Processes, told: Callable[[datetime], None]
) -> None:
    """Move the simulated clock from one send hour to the next until nothing is planned or claimed.

    `told` is called with each instant that has been worked off.

    Raises:
        WorkerGone: when the worker ends, or does not finish an hour's mail in time.
    """
    while (instant := _next(editions)) is not None:
        _work_off(editions, instant, processes)
        told(instant)
        for edition in editions:
            close_books(edition.pk, instant)


def anything_left(editions: Sequence[Edition]) -> bool:
    """Say whether a digest of the editions is still planned or in a worker's hands."""
    return _next(editions) is not None


def _next(editions: Sequence[Edition]) -> datetime | None:
    """The next send hour, but past every lease: between two steps only a killed worker can have
    left one in force.
    """
    hours = [hour for edition in editions if (hour := next_instant(edition)) is not None]
    leases = [
        lease + timedelta(seconds=1)
        for edition in editions
        if (lease := last_lease(edition)) is not None
    ]
    if hours:
        return max([min(hours), *leases])
    return max(leases, default=None)


def _work_off(editions: Sequence[Edition], instant: datetime, processes: Processes) -> None:
    """Wake the worker until it has done what is due. It is woken again now and then: a wake-up
    call may be lost, the rows are not.
    """
    deadline = time.monotonic() + STEP_SECONDS
    wake_at = 0.0
    while _busy(editions, instant):
        if (ended := processes.ended()) is not None:
            raise WorkerGone(
                f"The {ended[0]} ended with exit code {ended[1]}. Run the demo again: it goes on "
                "where this run stopped."
            )
        if time.monotonic() > deadline:
            raise WorkerGone(
                f"The worker has not sent the mail of {instant:%H:%M} UTC within {STEP_SECONDS} "
                "seconds. Its lines above say why."
            )
        if time.monotonic() > wake_at:
            tick.delay(at=instant.isoformat())
            sweep.delay(at=instant.isoformat())
            wake_at = time.monotonic() + WAKE_AGAIN_SECONDS
        time.sleep(0.05)


def _busy(editions: Sequence[Edition], instant: datetime) -> bool:
    return any(at_work(edition, instant) for edition in editions)
