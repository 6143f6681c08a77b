"""How long we keep what a reader's row does not need: unconfirmed sign-ups, changes of address
and old letters.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import ProtectedError, Q

from subscriptions.models import AddressChange, Letter, Profile, SignUp, Subscriber, SubscriberState
from subscriptions.models.letter import OPEN_STATES
from subscriptions.tokens import MAX_AGE_DAYS, Power

log = structlog.get_logger(__name__)

KEEP = timedelta(days=30)
KEEP_WISH = timedelta(days=MAX_AGE_DAYS[Power.CHANGE_ADDRESS] + 1)
"""A change of address that was not made names what may be a stranger's mailbox: it goes as soon
as its link has surely run out.
"""

FORGOTTEN_AT_ONCE = 10_000
"""Readers who never confirmed: one query names them all. The next day goes on."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were deleted."""

    subscribers: int
    sign_ups: int
    letters: int
    profiles: int
    address_changes: int


def forget(now: datetime) -> Forgotten:
    """Delete what is older than 30 days: sign-ups, readers who never confirmed and asked no more,
    settled letters, unused profiles.

    Of changes of address those made go then too, those that were not made after four days.
    """
    before = now - KEEP
    letters = Letter.objects.filter(created_at__lt=before).exclude(state__in=OPEN_STATES)
    sign_ups = SignUp.objects.filter(requested_at__lt=before)
    changes = AddressChange.objects.filter(
        Q(made_at__lt=before) | Q(made_at=None, requested_at__lt=now - KEEP_WISH)
    )
    return Forgotten(
        letters=letters.delete()[0],
        sign_ups=sign_ups.delete()[0],
        subscribers=_forget_never_confirmed(before),
        profiles=Profile.objects.unused(before).delete()[0],
        address_changes=changes.delete()[0],
    )


def _forget_never_confirmed(before: datetime) -> int:
    """Delete them under a lock: nobody begins anything for a reader who is just going, and what
    was begun before is seen.

    One who has a delivery all the same is kept, and told of in the log: the product lets nobody
    be both, and must not stop forgetting the others if it errs.
    """
    never_confirmed = Subscriber.objects.filter(
        state=SubscriberState.PENDING, created_at__lt=before, sign_ups=None
    )
    with transaction.atomic():
        oldest = (
            never_confirmed.select_for_update(of=("self",))
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        locked = [*oldest[:FORGOTTEN_AT_ONCE]]
        going = Subscriber.objects.filter(pk__in=locked)
        try:
            return going.delete()[0]
        except ProtectedError as error:
            named = {getattr(row, "subscriber_id", None) for row in error.protected_objects}
            held = [pk for pk in locked if pk in named]
            log.error("readers_not_forgotten", readers=held)
            return going.exclude(pk__in=held).delete()[0]
