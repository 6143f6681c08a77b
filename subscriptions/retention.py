"""How long we keep what a reader's row does not need: unconfirmed sign-ups and old letters."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from subscriptions.models import Letter, Profile, SignUp, Subscriber, SubscriberState
from subscriptions.models.letter import OPEN_STATES

KEEP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were deleted."""

    subscribers: int
    sign_ups: int
    letters: int
    profiles: int


def forget(now: datetime) -> Forgotten:
    """Delete what is older than 30 days: sign-ups, readers who never confirmed and asked no more, settled letters, unused profiles."""
    before = now - KEEP
    letters = Letter.objects.filter(created_at__lt=before).exclude(state__in=OPEN_STATES)
    sign_ups = SignUp.objects.filter(requested_at__lt=before)
    never_confirmed = Subscriber.objects.filter(state=SubscriberState.PENDING, created_at__lt=before, sign_ups=None)
    return Forgotten(
        letters=letters.delete()[0],
        sign_ups=sign_ups.delete()[0],
        subscribers=never_confirmed.delete()[0],
        profiles=Profile.objects.unused(before).delete()[0],
    )
