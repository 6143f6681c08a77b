"""The sender: claims a batch, and for each few digests in it makes the mark, hands over, and
records what came of it.

Whatever is not plain success is recorded before the next mark. So at any instant the rows say
enough: a delivery before those in hand that says nothing else was sent, those in hand are
uncertain, those after the cursor were never begun.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db import connection as database

from newsletter.clock import Clock
from newsletter.faults import NO_ROWS_FAULT
from newsletter.models import BatchState, Delivery, DeliveryStatus
from newsletter.models.delivery import NOT_PRINTED
from newsletter.sending.answers import fail, note_answer
from newsletter.sending.claim import Claimed, claim
from newsletter.sending.failing import failures_counted, note_failed_run
from newsletter.sending.fence import Fence, Mark
from newsletter.sending.inserting import columns_of
from newsletter.sending.mail import Mail
from newsletter.sending.press import Press
from newsletter.sending.providers import choose_provider, limits_of, worked
from newsletter.sending.rate import Budget, Limits
from newsletter.sending.ration import Ration
from newsletter.sending.readers import HandOver, gone
from newsletter.sending.record import finish
from newsletter.sending.run import Run
from newsletter.sending.transports import Errand, Lanes, Transport, Uncertain, pool, transport_of
from subscriptions.arming import is_armed

log = structlog.get_logger(__name__)

SEND_TIME = timedelta(seconds=45)
"""How long the mails of a batch are handed over: what is left then waits for the next task."""
LEASE_SHARE = 0.6
"""Of the lease: a batch that is handed over for longer might meet the sweep."""
REPEATS = 2
"""How often a mail is offered again to a provider that would recognise it."""
PATIENCE = (0.2, 1, 2, 4, 8, 15, 30, 30)
"""Seconds between the attempts to write a batch's end, together less than the usual lease."""


def send_batch(batch_id: int, clock: Clock, transport: Transport | None = None) -> bool:
    """Send one batch. False when this machine may not send, when there was nothing to claim or the
    claim failed, or when the sweep took the batch.

    Whatever a provider, a template or a reader's values do, the batch is settled; only a process
    that dies, or a database that stays away for longer than the lease, leaves it to the sweep.

    Raises:
        Exception: whatever a transport raised outside its contract, after everything was recorded.
    """
    now = clock()
    way_out: Transport | None = None
    claimed: Claimed | None = None
    if is_armed(now):
        with failures_counted(batch_id, BatchState.PLANNED, now):
            way_out = transport or _way_out(now)
            claimed = claim(batch_id, clock, way_out.name) if way_out is not None else None
    if way_out is None or claimed is None:
        return False
    fence, ration = (
        Fence(claimed.batch_id, claimed.token),
        _ration(way_out.name, claimed.domain, now),
    )
    press = Press(
        claimed.edition_id, claimed.claimed_at, first=claimed.at_once, as_bytes=way_out.takes_bytes
    )
    run = Run(claimed, clock, fence, ration, way_out, press)
    try:
        with pool.lanes(way_out) as lanes:
            _deliver_all(run, lanes)
    except (OperationalError, InterfaceError) as error:
        log.warning("database_away", batch=batch_id, error=type(error).__name__)
    except Exception as error:
        run.stop(clock() + note_failed_run(claimed, error, progress=bool(run.accepted)))
        raise
    finally:
        settled = _settle(run)
    return settled


def _way_out(now: datetime) -> Transport | None:
    """Return the way that a batch takes; None when every provider rests or has carried what it
    may.
    """
    name = choose_provider(now)
    return None if name is None else transport_of(name)


def _ration(provider: str, domain: str, now: datetime) -> Ration:
    rate = settings.DOMAIN_RATES.get(domain)
    return Ration(
        Budget(provider, limits_of(provider, now)),
        Budget(f"{provider}/{domain}", Limits(rate)) if rate else None,
    )


def _deliver_all(run: Run, lanes: Lanes) -> None:
    """Go through the batch, a few digests at a time, each on the lane that its place in the
    batch gives it.
    """
    stop_at = min(
        run.clock() + SEND_TIME,
        run.claimed.claimed_at + LEASE_SHARE * timedelta(seconds=settings.LEASE_SECONDS),
    )
    place, end = 0, len(run.claimed.hand_overs)
    while place < end and not run.stopped:
        if run.clock() >= stop_at:
            run.stop()
            return
        grant = run.ration.take(min(lanes.width, end - place), end - place, run.clock, stop_at)
        if not grant.count:
            run.stop(grant.wait_until)
            return
        _deliver(run, place, grant.count, lanes)
        place += grant.count


def _settle(run: Run) -> bool:
    """Write the end of the batch, with patience for a database that is away: what this process
    knows is worth waiting for.
    """
    if run.lost:
        log.warning("batch_lost", batch=run.claimed.batch_id)
        return False
    for hand_over in run.in_hand:
        if hand_over.position < run.fence.cursor:
            run.note(hand_over, DeliveryStatus.UNCERTAIN, "an error came before the answer")
    for wait in PATIENCE:
        now = run.clock()
        try:
            run.ration.give_back()
            settled = finish(
                run.claimed,
                run.fence.cursor,
                run.notes,
                run.resume_at or now,
                now,
                as_chosen=run.as_chosen,
            )
        except (OperationalError, InterfaceError) as error:
            log.warning(
                "batch_not_recorded_yet",
                batch=run.claimed.batch_id,
                error=str(error).partition("\n")[0],
                wait=wait,
            )
            database.close()
            time.sleep(wait)
        else:
            if run.accepted:
                worked(run.transport.name, now)
            log.info(
                "batch_ended",
                batch=run.claimed.batch_id,
                accepted=run.accepted,
                noted=len(run.notes),
                settled=settled,
            )
            return settled
    log.error(
        "batch_left_to_the_sweep",
        batch=run.claimed.batch_id,
        accepted=run.accepted,
        noted=len(run.notes),
    )
    return False


def _deliver(run: Run, place: int, count: int, lanes: Lanes) -> None:
    """Take a few deliveries from the print to their record."""
    hand_overs = run.claimed.hand_overs
    errands: dict[int, Errand] = {}
    for at in range(place, place + count):
        if run.is_spared(hand_overs[at]):
            run.note(
                hand_overs[at],
                DeliveryStatus.DEFERRED,
                "its domain refused several mails before it",
            )
        elif (mail := _printed(run, at)) is not None:
            errands[at] = Errand(at % lanes.width, mail, _following(hand_overs, at + lanes.width))
    run.write()
    ahead = _print_ahead(run, place + count, lanes.width)
    begun = [] if run.stopped else _begin(run, [(at, hand_overs[at]) for at in errands], ahead)
    run.ration.put_back(count - len(begun))
    if begun:
        _hand_over(run, [errands[at] for at in begun], lanes, ahead)


def _following(hand_overs: Sequence[HandOver], at: int) -> str | None:
    return hand_overs[at].reader.address if at < len(hand_overs) else None


def _begin(run: Run, waiting: list[tuple[int, HandOver]], ahead: Iterator[None]) -> list[int]:
    """Make the mark, take the hand-overs in hand that may begin, and return their places:
    without readers who have gone meanwhile.
    """
    while waiting:
        # Before the mark: a worker told to stop just after it must not take for sent what it never
        # handed over.
        run.in_hand = [hand_over for _, hand_over in waiting]
        match run.fence.advance(run.in_hand, run.clock(), ahead):
            case Mark.MADE:
                return [at for at, _ in waiting]
            case Mark.READER_GONE:
                waiting = [
                    (at, hand_over) for at, hand_over in waiting if _is_there(run, hand_over)
                ]
                run.write()
            case Mark.HALTED:
                run.stop()
                return []
            case Mark.LOST:
                run.stop()
                run.lost = True
                return []
    return []


def _is_there(run: Run, hand_over: HandOver) -> bool:
    """Say whether the reader can still be written to, and note why not."""
    verdict = gone(hand_over.reader, run.clock())
    if verdict is not None:
        run.note(hand_over, verdict.status, verdict.reason)
    return verdict is None


def _printed(run: Run, at: int) -> Mail | None:
    """Return the mail at that place of the batch; a digest that cannot be printed fails alone,
    with its reason for staff.
    """
    hand_over = run.claimed.hand_overs[at]
    mail = run.printed.pop(at, None) or _print(run, hand_over)
    if isinstance(mail, (DatabaseError, InterfaceError)):
        raise mail
    if isinstance(mail, Exception):
        log.error("digest_not_printed", delivery=hand_over.delivery_id, exc_info=mail)
        if give_up := fail(run, hand_over, f"{NOT_PRINTED}: {type(mail).__name__}: {mail}"):
            run.write()
            give_up()
        return None
    if len(mail.papers) < len(hand_over.selection.picks):
        _keep_only(hand_over, mail.papers)
        run.as_chosen = False
    return mail


def _print_ahead(run: Run, place: int, count: int) -> Iterator[None]:
    """Print the next few mails one by one, for the time in which the database and a provider are at
    work on those before.

    One that fails is printed again in its turn: it may have asked for something that is not in
    memory yet, such as the edition in another language, and the database takes no question while it
    is busy with the mark.
    """
    for at, hand_over in enumerate(run.claimed.hand_overs[place : place + count], start=place):
        mail = _print(run, hand_over)
        if isinstance(mail, Mail):
            run.printed[at] = mail
        yield


def _print(run: Run, hand_over: HandOver) -> Mail | Exception:
    """Print a mail, or return what went wrong: one bad value of one reader or paper must not
    stop the others.
    """
    try:
        return run.press.print(hand_over.delivery_id, hand_over.reader, hand_over.selection)
    except NO_ROWS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the data of a digest raise is that digest's fault, and told where it is used
        return error


def _keep_only(hand_over: HandOver, papers: tuple[int, ...]) -> None:
    """Take from the row what the mail had no room for: a paper counts as mailed only if it was
    in the mail.
    """
    picks = [pick for pick in hand_over.selection.picks if pick.paper_id in papers]
    Delivery.objects.filter(pk=hand_over.delivery_id).update(**columns_of(picks))


def _repeated(
    answers: Sequence[Exception | None], errands: Sequence[Errand], lanes: Lanes
) -> list[Exception | None]:
    """Hand over again, letter for letter and under the same keys, what the provider may or may
    not have taken.
    """
    unknown = [place for place, answer in enumerate(answers) if isinstance(answer, Uncertain)]
    better = dict(zip(unknown, lanes.hand_over([errands[place] for place in unknown]), strict=True))
    return [better.get(place, answer) for place, answer in enumerate(answers)]


def _hand_over(run: Run, errands: Sequence[Errand], lanes: Lanes, ahead: Iterator[None]) -> None:
    """Hand over what is in hand, and record every answer before anything follows from one of
    them.
    """
    answers = lanes.hand_over(errands, ahead)
    for _ in range(REPEATS if run.transport.knows_repeats else 0):
        answers = _repeated(answers, errands, lanes)
    reactions = [
        note_answer(run, hand_over, answer)
        for hand_over, answer in zip(run.in_hand, answers, strict=True)
    ]
    run.in_hand = ()
    run.write()
    for react in filter(None, reactions):
        react()
