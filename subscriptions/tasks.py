"""Tasks of the readers app. They carry ids, read the clock, call one function, and may each run
twice.
"""

from celery import shared_task
from django.utils import timezone

from subscriptions import letters
from subscriptions.waking import wake


@shared_task
def send_letter(letter_id: int) -> None:
    """Send one letter, if it is still waiting."""
    letters.send(letter_id, timezone.now)


@shared_task
def sweep_letters() -> None:
    """Settle letters whose worker died and wake workers for all that are due."""
    for letter_id in letters.sweep(timezone.now()):
        wake(letter_id)
