"""Signing up: a request by anyone for any address, which mails nothing but a question to that
address (double opt-in).
"""

from collections.abc import Collection
from datetime import datetime

from subscriptions import letters
from subscriptions.addresses import fold
from subscriptions.mail_limits import PER_DAY, admitted
from subscriptions.models import (
    Consent,
    ConsentKind,
    LetterKind,
    Profile,
    RequestedBy,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import Origin
from subscriptions.schedule import Schedule
from subscriptions.suppression import OWNER_LIFTS, reasons_of

PER_DAY_IF_SUPPRESSED = 1
"""Confirmations a day to an address whose reader was erased or complained: anybody can type it into
the form.
"""


def request_sign_up(
    address: str, choices: Choices, schedule: Schedule, *, origin: Origin, now: datetime
) -> None:
    """Note a sign-up and mail its address: a confirmation, or to someone who is a reader already
    the way to their preferences.

    Every address takes the same steps, known or not, suppressed or not, so that neither the answer
    nor its time tells them apart.

    Raises:
        TooManyRequests: a network or all strangers asked too often; nothing is stored.
    """
    with admitted(origin, now):
        profile = Profile.objects.of(choices, now=now)
        suppressed = reasons_of(address)
        reader = _reader_of(address, profile, now, suppressed)
        sign_up = SignUp.objects.create(
            subscriber=reader,
            profile=profile,
            cadence=schedule.cadence,
            hour=schedule.hour,
            timezone=schedule.timezone,
            language=schedule.language,
            requested_at=now,
            requested_from=origin.near,
        )
        Consent.objects.create(
            subscriber=reader, kind=ConsentKind.REQUESTED, at=now, evidence="sign-up page"
        )
        kind = (
            LetterKind.SIGN_UP_AGAIN
            if reader.state == SubscriberState.ACTIVE and reader.suppressed_at is None
            else LetterKind.CONFIRM
        )
        letters.write(
            reader,
            kind,
            now=now,
            requested_by=RequestedBy.ANYONE,
            mailbox=address,
            per_day=PER_DAY_IF_SUPPRESSED if suppressed & OWNER_LIFTS else PER_DAY,
            despite_suppression=suppressed <= OWNER_LIFTS,
            sign_up=sign_up,
            origin=origin,
        )


def request_preferences(address: str, *, origin: Origin, now: datetime) -> None:
    """Mail the reader of an address a new link to their preferences; for any other address do as
    much and mail nothing.

    Raises:
        TooManyRequests: a network or all strangers asked too often; nothing is stored.
    """
    with admitted(origin, now):
        reader = (
            Subscriber.objects.select_for_update()
            .filter(address_key=fold(address), state=SubscriberState.ACTIVE)
            .first()
        )
        letters.write(
            reader,
            LetterKind.PREFERENCES,
            now=now,
            requested_by=RequestedBy.ANYONE,
            mailbox=address,
            origin=origin,
        )


def _reader_of(
    address: str, profile: Profile, now: datetime, suppressed: Collection[str]
) -> Subscriber:
    """Return the locked row of an address, made when it is new. What its owner lifts by confirming
    does not suppress a newcomer.
    """
    key = fold(address)
    newcomer = Subscriber(
        address=address,
        address_key=key,
        created_at=now,
        profile=profile,
        suppressed_at=now if set(suppressed) - OWNER_LIFTS else None,
    )
    Subscriber.objects.bulk_create([newcomer], ignore_conflicts=True)
    return Subscriber.objects.select_for_update().get(address_key=key)
