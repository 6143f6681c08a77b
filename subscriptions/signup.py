"""Signing up: a request by anyone for any address, which mails nothing but a question to that
address (double opt-in).
"""

from datetime import datetime, timedelta

from django.db import transaction

from subscriptions import letters
from subscriptions.addresses import fold
from subscriptions.models import (
    Consent,
    ConsentKind,
    Letter,
    LetterKind,
    Profile,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.models.profile import Choices
from subscriptions.schedule import Schedule
from subscriptions.suppression import may_be_asked_to_confirm

ORIGIN_PER_HOUR, ORIGIN_PER_DAY = 20, 60
"""How many requests one network may make: enough for a lecture hall, too few to bother a list of
strangers.
"""


class TooManyRequests(Exception):
    """This network asked too often. That says nothing about any address."""


def request_sign_up(
    address: str, choices: Choices, schedule: Schedule, *, origin: str, now: datetime
) -> None:
    """Note a sign-up and mail its address: a confirmation, or to someone who is a reader already
    the way to their preferences.

    Every address takes the same steps, known or not, suppressed or not, so that neither the answer
    nor its time tells them apart.

    Raises:
        TooManyRequests: when `origin` asked too often; nothing is stored.
    """
    check_origin(origin, now)
    with transaction.atomic():
        profile = Profile.objects.of(choices, now=now)
        reader = _reader_of(address, profile, now)
        sign_up = SignUp.objects.create(
            subscriber=reader,
            profile=profile,
            cadence=schedule.cadence,
            hour=schedule.hour,
            timezone=schedule.timezone,
            language=schedule.language,
            requested_at=now,
            requested_from=origin,
        )
        Consent.objects.create(
            subscriber=reader, kind=ConsentKind.REQUESTED, at=now, evidence="sign-up page"
        )
        kind = (
            LetterKind.SIGN_UP_AGAIN
            if reader.state == SubscriberState.ACTIVE
            else LetterKind.CONFIRM
        )
        letters.write(reader, kind, now=now, sign_up=sign_up, origin=origin)


def request_preferences(address: str, *, origin: str, now: datetime) -> None:
    """Mail the reader of an address a new link to their preferences; for any other address do as
    much and mail nothing.

    Raises:
        TooManyRequests: when `origin` asked too often; nothing is stored.
    """
    check_origin(origin, now)
    with transaction.atomic():
        reader = (
            Subscriber.objects.select_for_update()
            .filter(address_key=fold(address), state=SubscriberState.ACTIVE)
            .first()
        )
        letters.write(reader, LetterKind.PREFERENCES, now=now, origin=origin)


def check_origin(origin: str, now: datetime) -> None:
    """Refuse a network that asked too often.

    Raises:
        TooManyRequests: it did.
    """
    asked = Letter.objects.filter(requested_from=origin)
    for count, period in (
        (ORIGIN_PER_HOUR, timedelta(hours=1)),
        (ORIGIN_PER_DAY, timedelta(days=1)),
    ):
        if asked.filter(created_at__gt=now - period).count() >= count:
            raise TooManyRequests


def _reader_of(address: str, profile: Profile, now: datetime) -> Subscriber:
    """Return the locked row of an address, made when it is new. The lock keeps parallel requests
    under one limit.
    """
    key = fold(address)
    newcomer = Subscriber(
        address=address,
        address_key=key,
        created_at=now,
        profile=profile,
        suppressed_at=None if may_be_asked_to_confirm(address) else now,
    )
    Subscriber.objects.bulk_create([newcomer], ignore_conflicts=True)
    return Subscriber.objects.select_for_update().get(address_key=key)
