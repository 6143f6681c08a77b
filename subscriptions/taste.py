"""Taste: what a reader's own acts have taught, as opaque bytes in their profile. What the bytes
mean is the ranking's business.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from subscriptions.models import Profile, Subscriber


def change_taste(subscriber_id: int, change: Callable[[bytes], bytes], *, now: datetime) -> bool:
    """Put `change(taste)` in the place of an active reader's taste; return whether they are active.

    The row stays locked meanwhile, so that of two acts at once both are learned from. The reader's
    choices stay as they are; a taste that comes out the same leaves the profile version as it was.
    """
    with transaction.atomic():
        reader = Subscriber.objects.locked_if_active(subscriber_id)
        if reader is None:
            return False
        before = bytes(reader.profile.taste)
        after = change(before)
        if after != before:
            profile = Profile.objects.of(reader.profile.choices, now=now, taste=after)
            Subscriber.objects.filter(pk=reader.pk).update(profile=profile)
    return True
