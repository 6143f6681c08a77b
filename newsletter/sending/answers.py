"""Answers: what each refusal of a provider means for the delivery, for the batch and for the
whole run.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog

from newsletter.models import DeliveryStatus
from newsletter.sending.control import pause
from newsletter.sending.providers import failed, others
from newsletter.sending.rate.pace import LONGEST_REST
from newsletter.sending.readers import HandOver
from newsletter.sending.run import Run, domain_of
from newsletter.sending.transports import (
    HandOverError,
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Uncertain,
)
from subscriptions.redaction import stored_reason

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
TRANSIENT_IN_A_ROW = 10
"""So many mails in a row refused for the moment are the provider's trouble, not the readers'."""
FAILED_IN_A_ROW = 20
"""So many digests in a row that fail for good, and none accepted, are a fault of ours: going on
would fail everybody.
"""
WAIT_WHEN_NOT_TOLD = timedelta(seconds=20)
"""How long the rest of a batch waits for a provider that did not say for how long."""

Reaction = Callable[[], None]
"""What is left to do once the answers are written down."""


def note_answer(run: Run, hand_over: HandOver, answer: Exception | None) -> Reaction | None:
    """Note what became of a hand-over, and return what follows from it for others, to be done
    when all answers are recorded.
    """
    if answer is None:
        run.accepted += 1
        run.transient_in_a_row = run.failed_in_a_row = 0
        if run.refusals_in_a_row:
            run.refusals_in_a_row.pop(domain_of(hand_over), None)
        return None
    kind = type(answer).__name__
    reason = (
        answer.reason
        if isinstance(answer, HandOverError)
        else f"an error came before the answer: {kind}"
    )
    log.info("hand_over_refused", delivery=hand_over.delivery_id, kind=kind, reason=reason)
    match answer:
        case Throttled():
            run.note(hand_over, DeliveryStatus.DEFERRED, reason)
            return lambda: _slow_down(run, answer.wait)
        case Transient():
            return _try_later(run, hand_over, reason)
        case PermanentForReader():
            return fail(run, hand_over, reason)
        case PermanentForAll():
            run.note(hand_over, DeliveryStatus.DEFERRED, reason)
            return lambda: _give_up(run, reason)
        case Uncertain():
            run.note(hand_over, DeliveryStatus.UNCERTAIN, reason)
            return None
        case _:
            run.note(hand_over, DeliveryStatus.UNCERTAIN, reason)
            return lambda: _raise(answer)


def fail(run: Run, hand_over: HandOver, reason: str) -> Reaction | None:
    """Note a delivery that will never be accepted.

    Args:
        reason: may hold an address, as the text of an error does.
    """
    reason = stored_reason(reason)
    run.note(hand_over, DeliveryStatus.FAILED, reason)
    run.failed_in_a_row += 1
    if run.failed_in_a_row >= FAILED_IN_A_ROW and not run.accepted:
        return lambda: _give_up(
            run, f"{FAILED_IN_A_ROW} digests in a row failed, the last one: {reason}"
        )
    return None


def _try_later(run: Run, hand_over: HandOver, reason: str) -> Reaction | None:
    attempts = hand_over.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        run.note(
            hand_over,
            DeliveryStatus.FAILED,
            f"given up after {attempts} attempts: {reason}",
            attempts,
        )
    else:
        run.note(hand_over, DeliveryStatus.DEFERRED, reason, attempts)
    domain = domain_of(hand_over)
    run.refusals_in_a_row[domain] = run.refusals_in_a_row.get(domain, 0) + 1
    run.transient_in_a_row += 1
    return (lambda: _slow_down(run, None)) if run.transient_in_a_row >= TRANSIENT_IN_A_ROW else None


def _slow_down(run: Run, wait: float | None) -> None:
    """Tell the whole cluster that the provider wants less, and let this batch wait as long as it
    said, up to an hour.
    """
    now = run.clock()
    retry_at = (
        None if wait is None else now + timedelta(seconds=min(wait, LONGEST_REST.total_seconds()))
    )
    run.ration.budget.throttled(now, retry_at)
    run.stop(now if others(run.transport.name, now) else retry_at or now + WAIT_WHEN_NOT_TOLD)


def _give_up(run: Run, reason: str) -> None:
    """Leave the provider to rest where others can go on; else stop the whole run until a person
    has looked.
    """
    now = run.clock()
    if others(run.transport.name, now):
        failed(run.transport.name, reason, now)
    else:
        pause(run.claimed.edition_id, reason, now, by_machine=True)
    run.stop(now)


def _raise(error: Exception) -> None:
    raise error
