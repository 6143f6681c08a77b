"""What the product does when readers come."""

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from newsletter.sending.plan import plan_first_digest
from newsletter.tasks import wake
from subscriptions.signals import subscriber_confirmed


@receiver(subscriber_confirmed)
def welcome(*, subscriber_id: int, at: datetime, **_rest: Any) -> None:
    """Plan a first digest in the transaction that makes the reader active, and wake a worker for
    it after the commit.
    """
    batch_id = plan_first_digest(subscriber_id, at)
    if batch_id is not None:
        transaction.on_commit(partial(wake, batch_id), robust=True)
