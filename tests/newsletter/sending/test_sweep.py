"""Whatever a worker leaves behind is settled by what the marks say, and only balanced books are
closed.
"""

from datetime import timedelta

import pytest
import structlog.testing

from newsletter.models import Alert, AlertKind, Batch, Delivery, Edition, EditionState
from newsletter.sending import sweep as sweeping
from newsletter.sending.books import books
from newsletter.sending.claim import claim
from newsletter.sending.due import due_batches
from newsletter.sending.epoch import server_epoch
from newsletter.sending.fence import Fence
from newsletter.sending.record import finish
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import close_books, settle_expired, sweep
from tests.newsletter.sending.mailed import all_mailed
from tests.newsletter.sending.ways_out import HandClock, Killed, Mailbox, after_accepting
from tests.newsletter.world import a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(4)
    readers(5)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(edition.batches.get().send_after)


def abandoned(edition, clock, marks: int):
    """Claim the batch, begin so many hand-overs, and die."""
    claimed = claim(edition.batches.get().pk, clock)
    fence = Fence(claimed.batch_id, claimed.token)
    for hand_over in claimed.hand_overs[:marks]:
        fence.advance([hand_over], clock())
    return claimed


def by_position(edition) -> list[str]:
    return list(edition.deliveries.order_by("position").values_list("status", flat=True))


@pytest.mark.parametrize("marks", range(6))
def test_before_the_cursor_sent_at_the_cursor_uncertain_after_it_planned_again(
    edition, clock, settings, marks
):
    abandoned(edition, clock, marks)
    sweep(clock.forward(seconds=settings.LEASE_SECONDS))
    known = ["sent"] * (marks - 1) + ["uncertain"] * (marks > 0)
    assert by_position(edition) == known + ["deferred"] * (5 - len(known))
    assert books(edition).balanced


def test_a_lease_in_force_is_left_alone(edition, clock, settings):
    claimed = abandoned(edition, clock, 2)
    assert not settle_expired(claimed.batch_id, clock.forward(seconds=settings.LEASE_SECONDS - 1))
    assert set(by_position(edition)) == {"claimed"}


def test_what_was_recorded_before_the_crash_stays(edition, clock, settings):
    claimed = abandoned(edition, clock, 3)
    Delivery.objects.filter(pk=claimed.hand_overs[1].delivery_id).update(
        status="failed", reason="550"
    )
    sweep(clock.forward(seconds=settings.LEASE_SECONDS))
    assert by_position(edition)[:3] == ["sent", "failed", "uncertain"]


def test_after_a_crash_of_the_database_server_no_mark_is_believed(edition, clock, settings):
    claimed = abandoned(edition, clock, 2)
    Batch.objects.filter(pk=claimed.batch_id).update(server_epoch="an earlier run")
    assert server_epoch() != "an earlier run"
    sweep(clock.forward(seconds=settings.LEASE_SECONDS))
    assert by_position(edition) == ["uncertain"] * 5


def test_the_readers_histories_know_what_the_dead_worker_sent(edition, clock, settings):
    claimed = abandoned(edition, clock, 2)
    sweep(clock.forward(seconds=settings.LEASE_SECONDS))
    mailed = [bool(all_mailed(hand_over.reader.id)) for hand_over in claimed.hand_overs]
    assert mailed == [True, True, False, False, False]


def test_a_worker_that_wakes_after_the_sweep_records_nothing(edition, clock, settings):
    claimed = abandoned(edition, clock, 2)
    now = clock.forward(seconds=settings.LEASE_SECONDS)
    sweep(now)
    before = by_position(edition)
    assert not finish(claimed, 5, [], now, now)
    assert by_position(edition) == before


def test_sweeping_twice_is_sweeping_once(edition, clock, settings):
    abandoned(edition, clock, 2)
    now = clock.forward(seconds=settings.LEASE_SECONDS)
    sweep(now)
    before = (by_position(edition), Batch.objects.count())
    sweep(now)
    assert (by_position(edition), Batch.objects.count()) == before


@pytest.mark.parametrize("killed_at", range(5))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_mail_loses_and_repeats_nothing(
    die, edition, clock, settings, killed_at, when
):
    death = after_accepting(Killed()) if when == "after" else Killed()
    mailbox = Mailbox(lambda number, _: death if number == killed_at else None)
    die(lambda: send_batch(due_batches(clock())[0], clock, mailbox))
    assert set(by_position(edition)) == {"claimed"}
    sweep(clock.forward(seconds=settings.LEASE_SECONDS))
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)
    sweep(clock())
    account = books(edition)
    assert (account.sent, account.uncertain, account.open) == (4, 1, 0)
    assert max(mailbox.addresses.values()) == 1
    assert len(mailbox.accepted) == (5 if when == "after" else 4)


def test_books_that_do_not_balance_are_never_closed(edition, clock):
    send_batch(due_batches(clock())[0], clock, Mailbox())
    Delivery.objects.filter(pk=Delivery.objects.first().pk).delete()
    assert not close_books(edition.pk, clock())
    edition.refresh_from_db()
    assert edition.state == EditionState.SENDING


def test_books_that_do_not_balance_are_an_alert_and_logged_once(edition, clock, monkeypatch):
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(sweeping, "log", log)
    send_batch(due_batches(clock())[0], clock, Mailbox())
    lost = Delivery.objects.first()
    Delivery.objects.filter(pk=lost.pk).delete()
    for _ in range(4):
        sweep(clock.forward(seconds=30))
    alert = Alert.objects.shown().get()
    assert (alert.edition, alert.kind, alert.reason) == (
        edition,
        AlertKind.BOOKS,
        "due 5, sent 4",
    )
    assert [call.args for call in log.calls] == [("books_do_not_balance",)]
    Delivery.objects.filter(status="sent").first().delete()
    for _ in range(4):
        sweep(clock.forward(seconds=30))
    assert len(log.calls) == 2
    assert Alert.objects.get().reason == "due 5, sent 3"


def test_the_alert_of_the_books_is_over_when_they_balance_again(edition, clock):
    send_batch(due_batches(clock())[0], clock, Mailbox())
    lost = Delivery.objects.first()
    Delivery.objects.filter(pk=lost.pk).delete()
    sweep(clock())
    lost.save(force_insert=True)
    sweep(clock())
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE
    assert not Alert.objects.standing().exists()


def test_an_edition_whose_books_cannot_be_read_stops_no_other(edition, clock, monkeypatch):
    send_batch(due_batches(clock())[0], clock, Mailbox())
    other = a_planned_edition("weekly")
    really = sweeping.close_books

    def close_books(edition_id, now):
        if edition_id == edition.pk:
            raise ZeroDivisionError
        return really(edition_id, now)

    monkeypatch.setattr(sweeping, "close_books", close_books)
    sweep(clock())
    other.refresh_from_db()
    assert other.state == EditionState.DONE


def test_an_edition_with_anything_under_way_is_not_done(edition, clock):
    assert not close_books(edition.pk, clock())
    claim(due_batches(clock())[0], clock)
    assert not close_books(edition.pk, clock())


def test_a_settled_edition_is_done(edition, clock):
    send_batch(due_batches(clock())[0], clock, Mailbox())
    assert close_books(edition.pk, clock())
    edition.refresh_from_db()
    assert (edition.state, edition.done_at) == (EditionState.DONE, clock())


def test_late_readers_have_a_row_each(edition, clock):
    sweep(clock.forward(hours=6, seconds=1))
    assert by_position(edition) == ["late"] * 5
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE


def test_what_was_deferred_too_long_is_late_counted_from_the_wanted_hour(edition, clock, settings):
    abandoned(edition, clock, 2)
    sweep(clock.forward(hours=5))
    assert by_position(edition) == ["sent", "uncertain", "deferred", "deferred", "deferred"]
    sweep(clock.forward(hours=1, seconds=1))
    assert by_position(edition) == ["sent", "uncertain", "late", "late", "late"]
    assert timedelta(hours=settings.CATCH_UP_HOURS) < clock() - edition.batches.first().slot_at
