"""Letters: the small mails about a reader's own subscription. A row first, a claim, the
hand-over, then its result.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from django.core.mail import EmailMessage
from django.db import transaction

from subscriptions.addresses import mailbox_hashes
from subscriptions.arming import is_armed
from subscriptions.handover import Fate, NotHandedOver, hand_over
from subscriptions.letter_mail import build
from subscriptions.mail_limits import PER_DAY, judge
from subscriptions.models import (
    AddressChange,
    Letter,
    LetterKind,
    LetterState,
    RequestedBy,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.models.letter import LetterQuerySet
from subscriptions.origins import NOWHERE, Origin
from subscriptions.redaction import stored_reason
from subscriptions.suppression import is_suppressed, owner_may_confirm
from subscriptions.waking import wake_after_commit

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than the hard time limit of a task, so that a claim outlives the worker that made it."""
MAX_ATTEMPTS = 8
ENDED_WITHOUT_SUCCESS = (LetterState.FAILED, LetterState.UNCERTAIN, LetterState.WITHHELD)
TO_ANOTHER_ADDRESS = (LetterKind.CHANGE_ADDRESS, LetterKind.ADDRESS_CHANGED)
NOBODY = "no reader has this address"
NOT_TO_THIS_ADDRESS = "we may not write to this address"
_STOPPED_BEFORE = "the worker stopped before the hand-over"
_STOPPED_WITHIN = "the worker stopped while handing it over; it may or may not have arrived"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


def write(
    subscriber: Subscriber | None,
    kind: LetterKind,
    *,
    now: datetime,
    requested_by: RequestedBy,
    mailbox: str = "",
    per_day: int = PER_DAY,
    sign_up: SignUp | None = None,
    address_change: AddressChange | None = None,
    obstacle: str = "",
    despite_suppression: bool = False,
    origin: Origin = NOWHERE,
    wake: bool = True,
) -> Letter:
    """Store a letter for a worker to send after the surrounding transaction commits; without `wake`
    the next sweep finds it.

    A letter that may not go out, or has nobody to go to, is stored as withheld, so that staff see
    it and so that an address we know takes the same steps as one we do not. An earlier one of the
    same kind to the same reader that has not reached a provider so far is replaced.

    Args:
        mailbox: the address whose limit it counts against, `per_day` of all kinds. The caller holds
            the lock of `RequestBreaker`. Without one it counts against those of its kind that the
            same requester caused for this reader, and the caller holds the reader's row.
        obstacle: a reason to withhold it that the caller knows.
        despite_suppression: a confirmation by which the owner of the mailbox lifts it.
    """
    hashes = mailbox_hashes(mailbox) if mailbox else []
    verdict = judge(
        _counted_with(subscriber, kind, requested_by, hashes),
        subscriber,
        kind,
        per_day=per_day,
        now=now,
    )
    reason = obstacle or _held_back(subscriber, kind, despite_suppression) or verdict.reason
    if not _replace(() if reason else verdict.replaces):
        reason = "an earlier one is being sent"
    letter = Letter.objects.create(
        subscriber=subscriber,
        sign_up=sign_up,
        address_change=address_change,
        kind=kind,
        state=LetterState.WITHHELD if reason else LetterState.WAITING,
        error=reason,
        created_at=now,
        send_after=now,
        requested_by=requested_by,
        requested_from=origin.near,
        requested_from_wide=origin.wide,
        mailbox="" if reason or not hashes else hashes[0],
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
    try:
        message = _built(letter, now)
    except Exception as error:
        # Whatever the data of one mail raise is the fault of that mail alone.
        log.exception("letter not built", letter=letter.pk, attempts=letter.attempts)
        reason = f"the mail cannot be built: {_told(error)}"
        _try_later(letter, LetterState.CLAIMED, reason, clock())
        return False
    if (
        message is None
        or letter.lease_until is None
        or not Letter.objects.begin_handing(letter_id, now=clock(), lease_until=letter.lease_until)
    ):
        return False
    return _handed_over(letter, message, clock)


def _built(letter: Letter, now: datetime) -> EmailMessage | None:
    """Return the mail of a claimed letter, which can be written as bytes; None when it is not
    wanted any more, and then it is withheld.
    """
    reader, reason = letter.subscriber, _unwanted(letter)
    if reader is None or reason:
        _settle(letter, LetterState.CLAIMED, state=LetterState.WITHHELD, error=reason)
        return None
    message = build(letter, reader, now)
    message.message().as_bytes()
    return message


def _handed_over(letter: Letter, message: EmailMessage, clock: Callable[[], datetime]) -> bool:
    try:
        hand_over(message)
    except NotHandedOver as error:
        _record_failure(letter, error, clock())
        return False
    except Exception as error:
        log.exception("letter uncertain", letter=letter.pk)
        reason = stored_reason(f"an error came before the answer: {_told(error)}")
        _settle_reached(letter, LetterState.UNCERTAIN, clock(), error=reason)
        return False
    now = clock()
    _settle_reached(letter, LetterState.SENT, now, sent_at=now, error="")
    return True


class NotSentAgain(Exception):
    """A letter cannot be sent again; the message says why."""


def send_again(letter_id: int, *, now: datetime) -> None:
    """Let a worker send a letter that failed, is uncertain or was withheld, with as many attempts
    as a new one. A person decided so: no limit counts here.

    Raises:
        NotSentAgain: it is in another state by now, or is not wanted any more.
    """
    with transaction.atomic():
        letter = (
            Letter.objects.select_for_update(of=("self",))
            .select_related("subscriber", "sign_up", "address_change")
            .filter(pk=letter_id, state__in=ENDED_WITHOUT_SUCCESS)
            .first()
        )
        if letter is None:
            raise NotSentAgain("it has been sent, or is about to be")
        if reason := _unwanted(letter):
            raise NotSentAgain(reason)
        Letter.objects.filter(pk=letter_id).update(
            state=LetterState.WAITING, attempts=0, send_after=now, error=""
        )
        wake_after_commit(letter_id)


def settle_as_arrived(letter_id: int, *, now: datetime) -> bool:
    """Record what a person found out: an uncertain letter arrived. False when it is not uncertain
    any more.
    """
    uncertain = Letter.objects.filter(pk=letter_id, state=LetterState.UNCERTAIN)
    return uncertain.update(state=LetterState.SENT, sent_at=now, error="") == 1


def sweep(now: datetime) -> list[int]:
    """Settle letters whose worker died and return the ids of all that are due, for whoever wakes
    workers.
    """
    expired = Letter.objects.filter(lease_until__lte=now)
    not_begun = expired.filter(state=LetterState.CLAIMED)
    given_up = not_begun.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=LetterState.FAILED, lease_until=None, error=_STOPPED_BEFORE
    )
    if given_up:
        log.error("letters failed", letters=given_up, reason=_STOPPED_BEFORE)
    not_begun.update(state=LetterState.WAITING, lease_until=None, error=_STOPPED_BEFORE)
    uncertain = expired.filter(state=LetterState.HANDING).update(
        state=LetterState.UNCERTAIN,
        lease_until=None,
        error=_STOPPED_WITHIN,
        reached_at=now,
    )
    if uncertain:
        log.warning("letters became uncertain", letters=uncertain)
    due = Letter.objects.filter(state=LetterState.WAITING, send_after__lte=now)
    return list(due.order_by("send_after", "pk").values_list("pk", flat=True)[:500])


def _counted_with(
    subscriber: Subscriber | None,
    kind: LetterKind,
    requested_by: RequestedBy,
    mailbox_hashes: list[str],
) -> LetterQuerySet:
    """Return the letters that count against the limits together with a new one."""
    if mailbox_hashes:
        return Letter.objects.filter(mailbox__in=mailbox_hashes)
    if kind == LetterKind.ADDRESS_CHANGED:
        # Nobody asks for it, and each comes after a letter that was counted.
        return Letter.objects.none()
    return Letter.objects.filter(subscriber=subscriber, kind=kind, requested_by=requested_by)


def _replace(letter_ids: Sequence[int]) -> bool:
    """Withhold waiting letters for which another is written; False if a worker has claimed one
    meanwhile.

    The statement is the same for all, since every address takes the same steps.
    """
    waiting = Letter.objects.filter(pk__in=[0, *letter_ids], state=LetterState.WAITING)
    replaced = waiting.update(state=LetterState.WITHHELD, error="replaced by a later request")
    return replaced == len(letter_ids)


def _held_back(subscriber: Subscriber | None, kind: LetterKind, despite_suppression: bool) -> str:
    """Say why nobody may be written to; empty when the addressee may, or when the letter goes to
    another address than the reader's.
    """
    if subscriber is None:
        return NOBODY
    if kind in TO_ANOTHER_ADDRESS:
        return ""
    suppressed = subscriber.suppressed_at is not None and not (
        despite_suppression and kind == LetterKind.CONFIRM
    )
    erased = subscriber.state == SubscriberState.ERASED
    return NOT_TO_THIS_ADDRESS if suppressed or erased else ""


def _unwanted(letter: Letter) -> str:
    """Say why a letter is not wanted any more at the moment of sending; empty when it is."""
    reader = letter.subscriber
    if reader is None:
        return NOBODY
    if letter.kind in TO_ANOTHER_ADDRESS:
        return _unwanted_elsewhere(letter, reader)
    if reader.state == SubscriberState.ERASED or (
        reader.suppressed_at is not None
        and not (letter.kind == LetterKind.CONFIRM and owner_may_confirm(reader.address))
    ):
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
    log.warning("letter not handed over", letter=letter.pk, fate=error.fate.value)
    if error.fate is Fate.UNKNOWN:
        _settle_reached(letter, LetterState.UNCERTAIN, now, error=error.reason)
    elif error.fate is Fate.REFUSED:
        _settle_reached(letter, LetterState.FAILED, now, error=error.reason)
    else:
        _try_later(letter, LetterState.HANDING, error.reason, now)


def _try_later(letter: Letter, held: LetterState, reason: str, now: datetime) -> None:
    """Put a letter off for a time that doubles with each attempt; after the last one it fails."""
    reason = stored_reason(reason)
    if letter.attempts >= MAX_ATTEMPTS:
        _settle(letter, held, state=LetterState.FAILED, error=reason)
        return
    wait = min(_FIRST_WAIT * 2 ** (letter.attempts - 1), _LONGEST_WAIT)
    _settle(letter, held, state=LetterState.WAITING, send_after=now + wait, error=reason)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _settle_reached(letter: Letter, state: LetterState, now: datetime, **fields: object) -> None:
    """Write the result of a hand-over that reached a provider, or may have."""
    _settle(letter, LetterState.HANDING, state=state, reached_at=now, **fields)


def _settle(letter: Letter, held: LetterState, **fields: object) -> None:
    """Write the result if this worker still holds the letter; a sweep that was faster has
    recorded what was known then.
    """
    mine = Letter.objects.filter(pk=letter.pk, state=held, lease_until=letter.lease_until)
    if not mine.update(lease_until=None, **fields):
        log.warning("letter was settled by another", letter=letter.pk)
