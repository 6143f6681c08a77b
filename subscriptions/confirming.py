"""Confirming: the one step that makes an address a reader."""

from datetime import datetime

from django.db import transaction

from subscriptions.models import Consent, ConsentKind, SignUp, Subscriber, SubscriberState
from subscriptions.signals import subscriber_confirmed
from subscriptions.suppression import lift_by_owner


def is_confirmed(sign_up_id: int) -> bool | None:
    """Say whether a sign-up was confirmed; None when it is gone."""
    sign_up = SignUp.objects.filter(pk=sign_up_id).only("confirmed_at").first()
    return sign_up.confirmed_at is not None if sign_up else None


def confirm(sign_up_id: int, *, now: datetime) -> bool:
    """Make the reader of a sign-up active, with the choices of that sign-up; return whether the
    sign-up still exists. If the reader of that address was erased or had complained, this lifts it.

    Only the first confirmation of a sign-up changes anything: repeating it neither resets choices
    made since nor brings back a reader who has left.
    """
    with transaction.atomic():
        sign_up = SignUp.objects.select_related("profile").filter(pk=sign_up_id).first()
        if sign_up is None:
            return False
        reader = Subscriber.objects.select_for_update().get(pk=sign_up.subscriber_id)
        if SignUp.objects.filter(pk=sign_up_id, confirmed_at=None).update(confirmed_at=now):
            _activate(reader, sign_up, now)
    return True


def _activate(reader: Subscriber, sign_up: SignUp, now: datetime) -> None:
    was_mailed = reader.state == SubscriberState.ACTIVE and reader.suppressed_at is None
    Subscriber.objects.filter(pk=reader.pk).update(
        state=SubscriberState.ACTIVE,
        confirmed_at=now,
        left_at=None,
        paused_until=None,
        cadence=sign_up.cadence,
        hour=sign_up.hour,
        timezone=sign_up.timezone,
        language=sign_up.language,
        profile=sign_up.profile,
    )
    lift_by_owner(reader.address, now=now)
    Consent.objects.create(
        subscriber=reader,
        kind=ConsentKind.CONFIRMED,
        at=now,
        evidence=f"confirmation link of sign-up {sign_up.pk}",
    )
    if not was_mailed:
        subscriber_confirmed.send(sender=Subscriber, subscriber_id=reader.pk, at=now)
