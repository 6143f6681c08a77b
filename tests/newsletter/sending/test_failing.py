"""A batch that raises an exception is counted, tried again after growing pauses, shown to staff, and
stops no other.
"""

from datetime import timedelta

import pytest
import structlog.testing
from django.db import IntegrityError, OperationalError

from newsletter.models import Alert, AlertKind, Batch, BatchState, Delivery, Edition, EditionState
from newsletter.sending import claim as claiming
from newsletter.sending import failing, sender
from newsletter.sending import sweep as sweeping
from newsletter.sending.books import books
from newsletter.sending.claim import claim
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.failing import try_again
from newsletter.sending.frozen import forget
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db
OF_ANOTHER_VERSION = b"made by another version"


@pytest.fixture
def edition(settings) -> Edition:
    settings.BATCH_SIZE = 2
    papers(6)
    readers(6)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


@pytest.fixture
def bad(edition) -> Batch:
    """The first of three batches."""
    return edition.batches.order_by("pk").first()


@pytest.fixture
def breaks(monkeypatch, bad):
    """Return a function that lets every claim of one batch raise an error, until it is mended."""
    really = claiming._choose_and_write

    def break_with(error: Exception) -> None:
        def choose_and_write(batch, fence, clock):
            if batch.id == bad.pk:
                raise error
            return really(batch, fence, clock)

        monkeypatch.setattr(claiming, "_choose_and_write", choose_and_write)

    return break_with


def mend(monkeypatch) -> None:
    monkeypatch.undo()


def send_due(clock: HandClock, mailbox: Mailbox) -> None:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)


def unreadable(edition: Edition) -> bytes:
    """Put statistics in place that no claim can read; return the right ones."""
    kept = bytes(edition.statistics)
    Edition.objects.filter(pk=edition.pk).update(statistics=OF_ANOTHER_VERSION)
    forget()
    return kept


def test_a_failed_claim_is_counted_with_its_reason_and_the_others_are_sent(
    edition, clock, bad, breaks
):
    breaks(KeyError("reader1@example.org"))
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert len(mailbox.accepted) == 4
    bad.refresh_from_db()
    assert (bad.state, bad.failures, len(bad.subscriber_ids)) == (BatchState.PLANNED, 1, 2)
    assert bad.failure_reason.startswith("KeyError at ")
    assert "@" not in bad.failure_reason
    assert books(edition).balanced


def test_it_rests_longer_after_each_failure(edition, clock, bad, breaks):
    breaks(KeyError())
    pauses = []
    for _ in range(8):
        send_due(clock, Mailbox())
        bad.refresh_from_db()
        pauses.append(bad.send_after - clock())
        clock.now = bad.send_after
    longest = [timedelta(minutes=min(30, 2**number)) for number in range(8)]
    for pause, most in zip(pauses, longest, strict=True):
        assert most / 2 <= pause <= most


def test_what_was_mended_goes_out_and_starts_counting_anew(
    edition, clock, bad, breaks, monkeypatch
):
    breaks(KeyError())
    mailbox = Mailbox()
    send_due(clock, mailbox)
    mend(monkeypatch)
    clock.forward(minutes=1)
    send_due(clock, mailbox)
    assert books(edition).sent == 6
    bad.refresh_from_db()
    assert (bad.failures, bad.failure_reason) == (0, "")


def test_staff_are_asked_from_the_third_failure_in_a_row_and_once_for_the_edition(
    edition, clock, monkeypatch
):
    unreadable(edition)
    for failures in (1, 2, 3, 4):
        send_due(clock, Mailbox())
        assert set(edition.batches.values_list("failures", flat=True)) == {failures}
        assert Batch.objects.failing().count() == (3 if failures >= 3 else 0)
        assert Alert.objects.shown().count() == (failures >= 3)
        clock.forward(minutes=30)
    alert = Alert.objects.get()
    assert (alert.edition, alert.kind) == (edition, AlertKind.BATCHES)
    assert alert.reason.startswith("UnreadableBytes: ")
    assert not Delivery.objects.exists()


def test_the_alert_is_over_when_no_batch_fails_any_more(edition, clock):
    kept = unreadable(edition)
    for _ in range(3):
        send_due(clock, Mailbox())
        clock.forward(minutes=30)
    assert Alert.objects.standing().exists()
    Edition.objects.filter(pk=edition.pk).update(statistics=kept)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert len(mailbox.accepted) == 6
    assert not Alert.objects.standing().exists()


def test_a_batch_that_never_works_is_tried_a_bounded_number_of_times_and_becomes_late(
    edition, clock, bad, breaks, monkeypatch
):
    breaks(KeyError())
    tries = []
    counted = failing.count_failure
    monkeypatch.setattr(
        failing, "count_failure", lambda *args: tries.append(args) or counted(*args)
    )
    for _ in range(6 * 60 + 2):
        send_due(clock, Mailbox())
        sweep(clock())
        clock.forward(minutes=1)
    bad.refresh_from_db()
    assert bad.state == BatchState.LATE
    assert bad.failures == len(tries)
    assert 12 <= len(tries) <= 30
    account = books(edition)
    assert (account.sent, account.late, account.balanced) == (4, 2, True)
    assert not Alert.objects.standing().exists()
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE


def test_trouble_of_the_database_is_counted_and_tried_again_at_once(edition, clock, bad, breaks):
    breaks(OperationalError("deadlock detected"))
    for failures in (1, 2, 3):
        send_due(clock, Mailbox())
        bad.refresh_from_db()
        assert (bad.failures, bad.send_after) == (failures, bad.slot_at)
        assert bad.pk in due_batches(clock())
    assert Alert.objects.shown().get().kind == AlertKind.BATCHES


def test_a_claim_that_breaks_the_transaction_is_counted_too(edition, clock, bad, monkeypatch):
    def twice(*_arguments):
        Delivery.objects.bulk_create(
            [
                Delivery(
                    edition=edition,
                    batch=bad,
                    subscriber_id=bad.subscriber_ids[0],
                    status="claimed",
                    claimed_at=clock(),
                )
                for _ in range(2)
            ]
        )

    monkeypatch.setattr(claiming, "insert_deliveries", twice)
    assert not send_batch(bad.pk, clock, Mailbox())
    bad.refresh_from_db()
    assert (bad.state, bad.failures) == (BatchState.PLANNED, 1)
    assert bad.failure_reason.startswith(IntegrityError.__name__)
    assert not Delivery.objects.exists()


def test_where_the_failure_cannot_be_written_down_either_the_error_is_raised(
    edition, clock, bad, breaks, monkeypatch
):
    def away(*_arguments):
        raise OperationalError("the connection is gone")

    breaks(KeyError())
    monkeypatch.setattr(failing, "count_failure", away)
    with pytest.raises(OperationalError):
        send_batch(bad.pk, clock, Mailbox())


def test_a_provider_that_cannot_be_used_is_a_failure_of_each_batch(
    edition, clock, bad, monkeypatch
):
    def misconfigured(_name):
        raise LookupError("no such provider")

    monkeypatch.setattr(sender, "transport_of", misconfigured)
    assert not send_batch(bad.pk, clock)
    bad.refresh_from_db()
    assert bad.failures == 1
    assert bad.failure_reason.startswith("LookupError at ")


def test_a_failure_is_logged_when_it_is_news_only(edition, clock, bad, breaks, monkeypatch):
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(failing, "log", log)
    for error in (KeyError(), KeyError(), ValueError()):
        breaks(error)
        send_batch(bad.pk, clock, Mailbox())
        clock.forward(minutes=5)
    assert [call.args for call in log.calls] == [("batch_not_claimed",)] * 2


def test_a_person_may_have_it_tried_again_at_once(edition, clock, bad, breaks, monkeypatch):
    breaks(KeyError())
    for _ in range(4):
        send_batch(bad.pk, clock, Mailbox())
        clock.forward(minutes=8)
    send_batch(bad.pk, clock, Mailbox())
    mend(monkeypatch)
    assert bad.pk not in due_batches(clock())
    assert try_again(edition.batches.all(), clock()) == 1
    bad.refresh_from_db()
    assert (bad.failures, bad.failure_reason) == (0, "")
    send_due(clock, Mailbox())
    assert books(edition).sent == 6


@pytest.fixture
def unsettled(monkeypatch, bad):
    """Let the sweep raise for one batch, whether it settles it or writes it off."""

    def unless_bad(name):
        really = getattr(sweeping, name)

        def work(batch, *arguments):
            if (batch if isinstance(batch, int) else batch.pk) == bad.pk:
                raise ZeroDivisionError
            return really(batch, *arguments)

        monkeypatch.setattr(sweeping, name, work)

    unless_bad("settle_expired")
    unless_bad("_write_off_one")


def test_an_abandoned_batch_that_cannot_be_settled_stops_no_other(
    edition, clock, bad, settings, unsettled
):
    for batch in edition.batches.all():
        claim(batch.pk, clock)
    clock.forward(seconds=settings.LEASE_SECONDS)
    for _ in range(3):
        sweep(clock())
    states = dict(edition.batches.filter(planned_count=2).values_list("state", "failures"))
    assert states == {BatchState.CLAIMED: 3, BatchState.DONE: 0}
    assert list(Batch.objects.failing()) == [bad]
    assert Alert.objects.shown().get().kind == AlertKind.BATCHES


def test_a_batch_that_cannot_be_written_off_stops_no_other(edition, clock, bad, unsettled):
    sweep(clock.forward(hours=7))
    assert set(edition.batches.values_list("pk", "state", "failures")) == {
        (batch.pk, "planned" if batch == bad else "late", int(batch == bad))
        for batch in edition.batches.all()
    }
    assert books(edition).balanced


class Unusable(Mailbox):
    """Cannot even be connected to, in a way that no contract foresees."""

    def connect(self):
        raise ZeroDivisionError


def run_for(hours: int, clock: HandClock, mailbox: Mailbox) -> int:
    """Play the beat and one worker for some hours; return how many runs ended by an exception."""
    ended = 0
    for _ in range(60 * hours):
        for batch_id in due_batches(clock()):
            try:
                send_batch(batch_id, clock, mailbox)
            except ZeroDivisionError:
                ended += 1
        sweep(clock())
        clock.forward(minutes=1)
    return ended


def test_a_transport_that_never_works_is_tried_a_bounded_number_of_times(edition, clock):
    ended = run_for(1, clock, Unusable())
    assert 5 * 3 <= ended <= 9 * 3
    assert Batch.objects.failing().count() == 3
    assert Alert.objects.shown().get().reason.startswith("ZeroDivisionError at ")
    account = books(edition)
    assert (account.sent + account.uncertain, account.balanced) == (0, True)
    run_for(6, clock, Unusable())
    assert Batch.objects.count() < 30 * 3
    assert books(edition).late == 6
    assert not Alert.objects.standing().exists()


def test_what_was_left_goes_out_once_the_transport_works(edition, clock):
    run_for(1, clock, Unusable())
    mailbox = Mailbox()
    assert run_for(1, clock, mailbox) == 0
    assert books(edition).sent == 6
    assert set(mailbox.addresses.values()) == {1}
    assert not Batch.objects.failing().exists()


def test_a_run_in_which_mail_was_accepted_counts_from_one(edition, clock, bad):
    mailbox = Mailbox(lambda number, _: ZeroDivisionError() if number == 1 else None)
    Batch.objects.filter(pk=bad.pk).update(failures=2, failure_reason="KeyError")
    with pytest.raises(ZeroDivisionError):
        send_batch(bad.pk, clock, mailbox)
    bad.refresh_from_db()
    assert (bad.state, bad.failures) == (BatchState.DONE, 1)
    assert not Alert.objects.exists()
