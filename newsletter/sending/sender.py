"""The sender: claims a batch, and for each digest in it makes the mark, hands over, and records what came of it.

Whatever is not plain success is recorded before the next mark. So at any instant the rows say enough: a delivery before the cursor that
says nothing else was sent, the one at the cursor is uncertain, those after it were never begun.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db import connection as database

from newsletter.clock import Clock
from newsletter.models import Delivery, DeliveryStatus
from newsletter.sending.claim import Claimed, HandOver, claim
from newsletter.sending.control import pause
from newsletter.sending.fence import Fence, Mark
from newsletter.sending.mail import Mail
from newsletter.sending.press import print_mail
from newsletter.sending.rate import Budget
from newsletter.sending.ration import Ration
from newsletter.sending.readers import gone
from newsletter.sending.record import Note, finish, write_note
from newsletter.sending.transports import (
    Connection,
    HandOverError,
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Transport,
    configured_transport,
)

log = structlog.get_logger(__name__)

SEND_TIME = timedelta(seconds=45)
"""A task ends within a minute: what a batch has left by then waits for the next one."""
LEASE_SHARE = 0.6
"""Of the lease: a batch that is handed over for longer might meet the sweep."""
MOST_ATTEMPTS = 5
TRANSIENT_IN_A_ROW = 10
"""So many mails in a row refused for the moment are the provider's trouble, not the readers'."""
FAILED_IN_A_ROW = 20
"""So many digests in a row that fail for good, and none accepted, are a fault of ours: going on would fail everybody."""
PATIENCE = (0.2, 1, 2, 4, 8, 15, 30, 30)
"""Seconds between the attempts to write a batch's end, together less than the usual lease."""
WAIT_WHEN_NOT_TOLD = timedelta(seconds=20)
"""How long the rest of a batch waits for a provider that did not say for how long."""


@dataclass(slots=True)
class Run:
    """One worker's way through one claimed batch."""

    claimed: Claimed
    clock: Clock
    fence: Fence
    ration: Ration
    takes_bytes: bool
    notes: list[Note] = field(default_factory=list)
    resume_at: datetime | None = None
    stopped: bool = False
    lost: bool = False
    in_hand: HandOver | None = None
    accepted: int = 0
    transient_in_a_row: int = 0
    failed_in_a_row: int = 0

    def note(self, hand_over: HandOver, status: DeliveryStatus, reason: str, attempts: int | None = None) -> None:
        """Record a delivery at once, and keep the note for the end in case the database fails just now."""
        note = Note(hand_over.delivery_id, status, reason, hand_over.attempts if attempts is None else attempts)
        self.notes.append(note)
        write_note(note, self.clock())

    def stop(self, resume_at: datetime | None = None) -> None:
        """Hand nothing more over; the rest of the batch waits until then."""
        self.stopped = True
        self.resume_at = resume_at or self.clock()


def send_batch(batch_id: int, clock: Clock, transport: Transport | None = None) -> bool:
    """Send one batch. False when there was nothing to claim, or the batch was lost to the sweep on the way.

    Whatever a provider, a template or a reader's values do, the batch is settled; only a process that dies, or a database that stays
    away for longer than the lease, leaves it to the sweep.

    Raises:
        Exception: whatever a transport raised outside its contract, after everything was recorded.
    """
    claimed = claim(batch_id, clock())
    if claimed is None:
        return False
    way_out = transport or configured_transport()
    run = Run(claimed, clock, Fence(claimed.batch_id, claimed.token), Ration(Budget(way_out.name)), way_out.takes_bytes)
    try:
        with way_out.connect() as connection:
            _deliver_all(run, connection)
    except (OperationalError, InterfaceError) as error:
        log.warning("database_away", batch=batch_id, error=type(error).__name__)
    finally:
        settled = _settle(run)
    return settled


def _deliver_all(run: Run, connection: Connection) -> None:
    stop_at = run.claimed.claimed_at + min(SEND_TIME, LEASE_SHARE * timedelta(seconds=settings.LEASE_SECONDS))
    left = len(run.claimed.hand_overs)
    for hand_over in run.claimed.hand_overs:
        if run.clock() >= stop_at:
            run.stop()
        elif (again := run.ration.take(left, run.clock, stop_at)) is not None:
            run.stop(again)
        if run.stopped:
            return
        _deliver(run, hand_over, connection)
        left -= 1


def _settle(run: Run) -> bool:
    """Write the end of the batch, with patience for a database that is away: what this process knows is worth waiting for."""
    if run.lost:
        log.warning("batch_lost", batch=run.claimed.batch_id)
        return False
    if run.in_hand is not None:
        run.notes.append(Note(run.in_hand.delivery_id, DeliveryStatus.UNCERTAIN, "an error came before the answer", run.in_hand.attempts))
    for wait in PATIENCE:
        now = run.clock()
        try:
            run.ration.give_back()
            settled = finish(run.claimed, run.fence.cursor, run.notes, run.resume_at or now, now)
        except (OperationalError, InterfaceError):
            database.close()
            time.sleep(wait)
        else:
            log.info("batch_ended", batch=run.claimed.batch_id, accepted=run.accepted, noted=len(run.notes), settled=settled)
            return settled
    return False


def _deliver(run: Run, hand_over: HandOver, connection: Connection) -> None:
    """Take one delivery from the print to its record."""
    mail = _printed(run, hand_over)
    if mail is None:
        return
    match run.fence.advance(hand_over, run.clock()):
        case Mark.MADE:
            _hand_over(run, hand_over, mail, connection)
        case Mark.READER_GONE:
            verdict = gone(hand_over.reader.id, run.clock())
            run.note(hand_over, verdict.status, verdict.reason)
        case Mark.HALTED:
            run.stop()
        case Mark.LOST:
            run.stop()
            run.lost = True


def _printed(run: Run, hand_over: HandOver) -> Mail | None:
    """Print the mail; a digest that cannot be printed fails alone, with its reason for staff."""
    claimed = run.claimed
    try:
        mail = print_mail(
            claimed.edition_id,
            hand_over.delivery_id,
            hand_over.reader,
            hand_over.selection,
            claimed.claimed_at,
            first=claimed.at_once,
            as_bytes=run.takes_bytes,
        )
    except DatabaseError:
        raise
    except Exception as error:
        # One bad value of one reader or paper must not stop the others; the row keeps the reason.
        log.exception("digest_not_printed", delivery=hand_over.delivery_id)
        _fail(run, hand_over, f"could not be printed: {type(error).__name__}: {error}")
        return None
    if len(mail.papers) < len(hand_over.selection.picks):
        _keep_only(hand_over, mail.papers)
    return mail


def _keep_only(hand_over: HandOver, papers: tuple[int, ...]) -> None:
    """Take from the row what the mail had no room for: a paper counts as mailed only if it was in the mail."""
    picks = [pick for pick in hand_over.selection.picks if pick.paper_id in papers]
    Delivery.objects.filter(pk=hand_over.delivery_id).update(
        papers=[pick.paper_id for pick in picks], parts=[list(pick.parts) for pick in picks]
    )


def _hand_over(run: Run, hand_over: HandOver, mail: Mail, connection: Connection) -> None:
    run.in_hand = hand_over
    try:
        connection.hand_over(mail)
    except HandOverError as error:
        run.in_hand = None
        _refused(run, hand_over, error)
    else:
        run.in_hand = None
        run.accepted += 1
        run.transient_in_a_row = run.failed_in_a_row = 0


def _refused(run: Run, hand_over: HandOver, error: HandOverError) -> None:
    """Record a hand-over that did not plainly succeed, and decide whether the batch goes on."""
    log.info("hand_over_refused", delivery=hand_over.delivery_id, kind=type(error).__name__, reason=error.reason)
    match error:
        case Throttled():
            run.note(hand_over, DeliveryStatus.DEFERRED, error.reason)
            _slow_down(run, error.wait)
        case Transient():
            _try_later(run, hand_over, error)
        case PermanentForReader():
            _fail(run, hand_over, error.reason)
        case PermanentForAll():
            run.note(hand_over, DeliveryStatus.DEFERRED, error.reason)
            _give_up(run, error.reason)
        case _:
            run.note(hand_over, DeliveryStatus.UNCERTAIN, error.reason)


def _fail(run: Run, hand_over: HandOver, reason: str) -> None:
    run.note(hand_over, DeliveryStatus.FAILED, reason)
    run.failed_in_a_row += 1
    if run.failed_in_a_row >= FAILED_IN_A_ROW and not run.accepted:
        _give_up(run, f"{FAILED_IN_A_ROW} digests in a row failed, the last one: {reason}")


def _try_later(run: Run, hand_over: HandOver, error: Transient) -> None:
    attempts = hand_over.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        run.note(hand_over, DeliveryStatus.FAILED, f"given up after {attempts} attempts: {error.reason}", attempts)
    else:
        run.note(hand_over, DeliveryStatus.DEFERRED, error.reason, attempts)
    run.transient_in_a_row += 1
    if run.transient_in_a_row >= TRANSIENT_IN_A_ROW:
        _slow_down(run, None)


def _slow_down(run: Run, wait: float | None) -> None:
    """Tell the whole cluster that the provider wants less, and let this batch wait as long as it said."""
    now = run.clock()
    retry_at = None if wait is None else now + timedelta(seconds=wait)
    run.ration.budget.throttled(now, retry_at)
    run.stop(retry_at or now + WAIT_WHEN_NOT_TOLD)


def _give_up(run: Run, reason: str) -> None:
    """Stop the whole run until a person has looked."""
    pause(run.claimed.edition_id, reason, run.clock())
    run.stop()
