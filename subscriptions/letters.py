"""Letters: the small mails about a reader's own subscription. A row first, a claim, the
hand-over, then its result.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet

from subscriptions.arming import is_armed
from subscriptions.handover import Fate, NotHandedOver, hand_over
from subscriptions.letter_mail import build
from subscriptions.models import (
    AddressChange,
    Letter,
    LetterKind,
    LetterState,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.suppression import is_suppressed
from subscriptions.waking import wake_after_commit

log = structlog.get_logger(__name__)

PER_HOUR, PER_DAY = 1, 3
"""How many letters of a kind an address gets at most, whoever asks for them: nobody can fill a
stranger's mailbox through us.
"""
LEASE = timedelta(minutes=3)
"""Longer than the hard time limit of a task, so that a claim outlives the worker that made it."""
MAX_ATTEMPTS = 8
TO_ANOTHER_ADDRESS = (LetterKind.CHANGE_ADDRESS, LetterKind.ADDRESS_CHANGED)
NOT_TO_THIS_ADDRESS = "we may not write to this address"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


def write(
    subscriber: Subscriber | None,
    kind: LetterKind,
    *,
    now: datetime,
    sign_up: SignUp | None = None,
    address_change: AddressChange | None = None,
    obstacle: str = "",
    origin: str = "",
    wake: bool = True,
) -> Letter:
    """Store a letter for a worker to send after the surrounding transaction commits; without `wake`
    the next sweep finds it.

    The caller holds the lock on the subscriber's row. A letter that may not go out, or has nobody
    to go to, is stored as withheld, so that staff see it and so that an address we know takes the
    same steps as one we do not. `obstacle` is a reason to withhold it that the caller knows.
    """
    too_many = _too_many(_like(subscriber, kind, address_change), now)
    reason = obstacle or _held_back(subscriber, kind) or too_many
    letter = Letter.objects.create(
        subscriber=subscriber,
        sign_up=sign_up,
        address_change=address_change,
        kind=kind,
        state=LetterState.WITHHELD if reason else LetterState.WAITING,
        error=reason,
        created_at=now,
        send_after=now,
        requested_from=origin,
    )
    if wake:
        wake_after_commit(letter.pk)
    return letter


def send(letter_id: int, clock: Callable[[], datetime]) -> bool:
    """Claim one letter and hand it over; return whether it was sent now. Safe to run at any time
    and any number of times.
    """
    now = clock()
    if not is_armed(now):
        return False
    if not Letter.objects.claim(letter_id, now=now, lease=LEASE):
        return False
    letter = Letter.objects.select_related("subscriber", "sign_up__profile", "address_change").get(
        pk=letter_id
    )
    reader = letter.subscriber
    if reader is None:  # the constraint letter_to_nobody_is_withheld lets no such row be claimed
        raise ValueError(f"letter {letter_id} has no reader")
    if reason := _unwanted(letter, reader):
        _settle(letter, LetterState.CLAIMED, state=LetterState.WITHHELD, error=reason)
        return False
    message = build(letter, reader, now)
    if letter.lease_until is None or not Letter.objects.begin_handing(
        letter_id, now=clock(), lease_until=letter.lease_until
    ):
        return False
    try:
        hand_over(message)
    except NotHandedOver as error:
        _record_failure(letter, error, clock())
        return False
    _settle(letter, LetterState.HANDING, state=LetterState.SENT, sent_at=clock(), error="")
    return True


def sweep(now: datetime) -> list[int]:
    """Settle letters whose worker died and return the ids of all that are due, for whoever wakes
    workers.
    """
    expired = Letter.objects.filter(lease_until__lte=now)
    expired.filter(state=LetterState.CLAIMED).update(state=LetterState.WAITING, lease_until=None)
    uncertain = expired.filter(state=LetterState.HANDING).update(
        state=LetterState.UNCERTAIN,
        lease_until=None,
        error="the worker stopped while handing it over; it may or may not have arrived",
    )
    if uncertain:
        log.warning("letters became uncertain", letters=uncertain)
    due = Letter.objects.filter(state=LetterState.WAITING, send_after__lte=now)
    return list(due.order_by("send_after", "pk").values_list("pk", flat=True)[:500])


def _like(
    subscriber: Subscriber | None, kind: LetterKind, change: AddressChange | None
) -> QuerySet[Letter]:
    """Return the letters that count against the limits together with a new one: those to its
    address, for the same reason.
    """
    if (
        kind == LetterKind.ADDRESS_CHANGED
    ):  # nobody asks for it, and each comes after a letter that was counted
        return Letter.objects.none()
    alike = Letter.objects.filter(kind=kind).exclude(state=LetterState.WITHHELD)
    if kind == LetterKind.CHANGE_ADDRESS and change is not None:
        return alike.filter(address_change__address_key=change.address_key)
    return alike.filter(subscriber=subscriber)


def _too_many(alike: QuerySet[Letter], now: datetime) -> str:
    """Say which limit one more letter at `now` would break; empty when none."""
    last_hour = alike.filter(created_at__gt=now - timedelta(hours=1)).count()
    last_day = alike.filter(created_at__gt=now - timedelta(days=1)).count()
    if last_hour >= PER_HOUR:
        return f"{PER_HOUR} such letter an hour"
    return f"{PER_DAY} such letters a day" if last_day >= PER_DAY else ""


def _held_back(subscriber: Subscriber | None, kind: LetterKind) -> str:
    """Say why nobody may be written to; empty when the addressee may, or when the letter goes to
    another address than the reader's.
    """
    if subscriber is None:
        return "no reader has this address"
    if kind in TO_ANOTHER_ADDRESS:
        return ""
    return (
        NOT_TO_THIS_ADDRESS
        if subscriber.suppressed_at is not None or subscriber.state == SubscriberState.ERASED
        else ""
    )


def _unwanted(letter: Letter, reader: Subscriber) -> str:
    """Say why a letter is not wanted any more at the moment of sending; empty when it is."""
    if letter.kind in TO_ANOTHER_ADDRESS:
        return _unwanted_elsewhere(letter, reader)
    if reader.suppressed_at is not None or reader.state == SubscriberState.ERASED:
        return NOT_TO_THIS_ADDRESS
    if letter.kind == LetterKind.CONFIRM:
        return "already confirmed" if letter.sign_up and letter.sign_up.confirmed_at else ""
    if letter.kind == LetterKind.GOODBYE:
        return "" if reader.state == SubscriberState.UNSUBSCRIBED else "the reader has come back"
    return "" if reader.state == SubscriberState.ACTIVE else "the reader has left"


def _unwanted_elsewhere(letter: Letter, reader: Subscriber) -> str:
    """Say the same for a letter about a change of address. The notice is for safety: it goes out
    also when the reader has left since.
    """
    change = letter.address_change
    if change is None:
        return "the change of address is over"
    asks = letter.kind == LetterKind.CHANGE_ADDRESS
    if asks and not change.is_open:
        return "the change of address is over"
    if is_suppressed(change.address if asks else change.former):
        return NOT_TO_THIS_ADDRESS
    return "the reader has left" if asks and reader.state != SubscriberState.ACTIVE else ""


def _record_failure(letter: Letter, error: NotHandedOver, now: datetime) -> None:
    attempts = letter.attempts + 1  # as begin_handing counted it
    reason = error.reason
    if error.fate is Fate.UNKNOWN:
        _settle(letter, LetterState.HANDING, state=LetterState.UNCERTAIN, error=reason)
    elif error.fate is Fate.REFUSED or attempts >= MAX_ATTEMPTS:
        _settle(letter, LetterState.HANDING, state=LetterState.FAILED, error=reason)
    else:
        wait = min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)
        _settle(
            letter,
            LetterState.HANDING,
            state=LetterState.WAITING,
            send_after=now + wait,
            error=reason,
        )
    log.warning("letter not handed over", letter=letter.pk, fate=error.fate.value)


def _settle(letter: Letter, held: LetterState, **fields: object) -> None:
    """Write the result if this worker still holds the letter; a sweep that was faster has
    recorded what was known then.
    """
    mine = Letter.objects.filter(pk=letter.pk, state=held, lease_until=letter.lease_until)
    if not mine.update(lease_until=None, **fields):
        log.warning("letter was settled by another", letter=letter.pk)
