"""The steps of an edition before it is frozen, each a conditional change of its state."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ingest.cleaning import one_line
from newsletter.models import BEFORE_FROZEN, Alert, AlertKind, Edition, EditionState

REASON_LENGTH = 300
NO_REASON = "no reason was given"


class WrongState(Exception):
    """An edition is not in a state that allows the step; the message says which state it is in."""


def lock(edition: Edition) -> Edition:
    """Return the edition as it is now, locked until the transaction ends."""
    return Edition.objects.select_for_update().defer("statistics").get(pk=edition.pk)


def approve(edition: Edition, now: datetime) -> None:
    """Say that a person has looked through the candidates. The clock freezes it either way.

    Raises:
        WrongState: it is neither open nor in review.
    """
    _step(
        edition,
        (EditionState.OPEN, EditionState.REVIEW),
        state=EditionState.APPROVED,
        approved_at=now,
    )


def hold(edition: Edition, reason: str, now: datetime, *, by_machine: bool = False) -> None:
    """Keep the clock from freezing it until a person releases it. It goes on collecting papers, so
    that this person sees what it would take in. Staff are mailed about what the machine holds. The
    reason is cleaned, since an error's message may hold a source's words.

    Raises:
        WrongState: it is frozen already.
    """
    said = one_line(reason, REASON_LENGTH) or NO_REASON
    with transaction.atomic():
        _step(edition, BEFORE_FROZEN, state=EditionState.HELD, held_at=now, held_reason=said)
        if by_machine:
            Alert.objects.note(edition.pk, AlertKind.HELD, said)


def release(edition: Edition, now: datetime) -> None:
    """Take a held edition back into the day's course: a person has approved it as it is. After its
    nominal instant it gets no more papers (`newsletter.editions.candidates.is_closed`).

    Raises:
        WrongState: it is not held.
    """
    _step(
        edition,
        (EditionState.HELD,),
        state=EditionState.APPROVED,
        held_at=None,
        held_reason="",
        approved_at=now,
    )
    Alert.objects.end(edition.pk, AlertKind.HELD)


def cancel_before_freeze(edition: Edition) -> None:
    """Let the edition not appear.

    Raises:
        WrongState: it is frozen already; newsletter.sending.control cancels a run.
    """
    _step(edition, (*BEFORE_FROZEN, EditionState.HELD), state=EditionState.CANCELLED, held_at=None)


def _step(edition: Edition, allowed: Iterable[str], **changes: object) -> None:
    if not Edition.objects.filter(pk=edition.pk, state__in=[*allowed]).update(**changes):
        current = Edition.objects.only("state", "cadence", "day").get(pk=edition.pk)
        raise WrongState(
            f"{current} is {current.get_state_display()}: this step is not open to it."
        )
    edition.refresh_from_db(fields=[*changes])
