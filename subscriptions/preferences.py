"""Preferences: replacing what a reader chose, with a trace of it."""

from datetime import datetime

from django.db import transaction

from subscriptions.models import Consent, ConsentKind, Profile, Subscriber
from subscriptions.models.profile import Choices
from subscriptions.schedule import Schedule


def change(
    subscriber_id: int,
    choices: Choices,
    schedule: Schedule,
    paused_until: datetime | None,
    *,
    now: datetime,
) -> bool:
    """Store what an active reader wants from now on; return whether they are still active.

    Choices become another profile version, and what the reader's feedback has taught (taste) is
    carried over. Saving what is stored already leaves no trace.
    """
    with transaction.atomic():
        reader = Subscriber.objects.locked_if_active(subscriber_id)
        if reader is None:
            return False
        profile = Profile.objects.of(choices, now=now, taste=bytes(reader.profile.taste))
        wanted = {
            "profile": profile,
            "cadence": schedule.cadence,
            "hour": schedule.hour,
            "timezone": schedule.timezone,
            "language": schedule.language,
            "paused_until": paused_until,
        }
        changed = {
            field: value for field, value in wanted.items() if getattr(reader, field) != value
        }
        if changed:
            Subscriber.objects.filter(pk=reader.pk).update(**changed)
            _trace(reader, changed, now)
    return True


def _trace(reader: Subscriber, changed: dict[str, object], now: datetime) -> None:
    kind = ConsentKind.PAUSED if changed.get("paused_until") else ConsentKind.CHANGED
    Consent.objects.create(
        subscriber=reader,
        kind=kind,
        at=now,
        evidence=f"preferences page: {', '.join(sorted(changed))}"[:200],
    )
