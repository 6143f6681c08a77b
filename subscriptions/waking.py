"""Waking a worker for a letter. A hint only: the row is the truth, and the sweep finds what no
worker was woken for.
"""

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def wake_after_commit(letter_id: int) -> None:
    """Ask a worker to send the letter once the transaction is committed."""
    transaction.on_commit(partial(wake, letter_id))


def wake(letter_id: int) -> None:
    """Put a task for the letter on the urgent queue, once; a broker that is down costs only the
    time until the next sweep.
    """
    try:
        current_app.send_task("subscriptions.tasks.send_letter", args=[letter_id], retry=False)
    except OperationalError:
        log.warning("broker unreachable, the sweep will send the letter", letter=letter_id)
