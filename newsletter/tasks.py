"""What runs on workers: each task reads the clock and calls one function. Any of them may run
twice, late, or never.

`at` is an ISO instant that replaces the real time, for the demo and the tests: the task's clock
starts there and runs on.
"""

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from newsletter.clock import Clock, parse_instant, ticking
from newsletter.desk.notices import tell_staff as tell
from newsletter.editions.archive import refit_when_due
from newsletter.editions.cards import prepare_ahead
from newsletter.editions.day import look_after_editions as look_after
from newsletter.editions.vectors import embed_waiting
from newsletter.events.applying import apply_due
from newsletter.retention import SECONDS
from newsletter.retention import delete_old_rows as delete_old
from newsletter.sending.counting import count_batches
from newsletter.sending.due import due_batches
from newsletter.sending.phrases import match_phrases as match
from newsletter.sending.plan import plan_frozen_editions
from newsletter.sending.providers import ensure_providers
from newsletter.sending.sender import send_batch as send
from newsletter.sending.sweep import sweep as sweep_up
from newsletter.sending.withdrawals import strike_withdrawn
from newsletter.tracking.clicks import judge_clicks as judge

log = structlog.get_logger(__name__)

WAKE_UP_KEEPS = 90
"""Seconds a wake-up stays in the queue: the next beat asks the database again, so older ones
only pile up.
"""


def _clock(at: str | None) -> Clock:
    return ticking(None if at is None else parse_instant(at))


@shared_task(soft_time_limit=600, time_limit=660)
def look_after_editions(at: str | None = None) -> None:
    """Open, rebuild and freeze editions as the day goes on, and take withdrawn papers out of the
    frozen ones.

    A freeze takes some seconds of processor time for each language, and longer on a machine that
    has others.
    """
    now = _clock(at)()
    look_after(now)
    strike_withdrawn(now)


@shared_task(soft_time_limit=600, time_limit=660)
def match_phrases(at: str | None = None) -> None:
    """Match readers' own phrases with the editions that are sent, ahead of their digests."""
    match(_clock(at))


@shared_task(soft_time_limit=600, time_limit=660)
def prepare_cards(at: str | None = None) -> None:
    """Prepare the cards of open editions, so that their freeze only joins them. A thousand cards
    take sixteen seconds of processor time; what a run does not reach, the next one does.
    """
    prepare_ahead(_clock(at)())


@shared_task
def judge_clicks(at: str | None = None) -> None:
    """Judge which clicks people made, and learn from them."""
    judge(_clock(at)())


@shared_task(soft_time_limit=600, time_limit=660)
def embed(at: str | None = None) -> None:
    """Embed new papers and phrases, where a model is set."""
    embed_waiting(_clock(at)())


@shared_task(soft_time_limit=600, time_limit=660)
def refit_archive(at: str | None = None) -> None:
    """Learn again from the stored papers, once a day. With the most papers it reads that takes a
    minute.
    """
    refit_when_due(_clock(at)())


@shared_task(soft_time_limit=SECONDS + 60, time_limit=SECONDS + 90)
def delete_old_rows(at: str | None = None) -> None:
    """Delete what is older than the periods in the settings. What the time does not suffice for
    is left to the next run.
    """
    delete_old(_clock(at)())


@shared_task
def tell_staff(at: str | None = None) -> None:
    """Mail staff about what needs a person."""
    tell(_clock(at)())


@shared_task
def apply_events(at: str | None = None) -> None:
    """Apply what providers have reported."""
    apply_due(_clock(at)())


@shared_task
def tick(at: str | None = None) -> None:
    """Wake a worker for each batch that is due, plan what is frozen, and wake workers for what is
    due of that.

    What is planned already goes first: a plan that takes too long, or kills its process, must not
    keep it waiting. The rows of new providers are made before, so that staff can limit one before
    its first mail.
    """
    now = _clock(at)()
    ensure_providers()
    due = due_batches(now)
    for batch_id in due:
        wake(batch_id, at)
    if plan_frozen_editions(now):
        woken = set(due)
        for batch_id in due_batches(now):
            if batch_id not in woken:
                wake(batch_id, at)


@shared_task
def send_batch(batch_id: int, at: str | None = None) -> None:
    """Send one batch, if it is still there to be sent."""
    send(batch_id, _clock(at))


@shared_task
def sweep(at: str | None = None) -> None:
    """Settle what was left behind, close books, and count the deliveries of batches that ended."""
    sweep_up(_clock(at)())
    count_batches()


def wake(batch_id: int, at: str | None = None) -> None:
    """Ask the broker to wake a worker for the batch. Without a broker the beat finds the batch
    later, so nothing is raised.
    """
    try:
        send_batch.apply_async((batch_id,), {"at": at}, expires=WAKE_UP_KEEPS)
    except OperationalError as error:
        log.warning("not_woken", batch=batch_id, error=type(error).__name__)
