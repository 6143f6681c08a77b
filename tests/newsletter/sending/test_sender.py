"""A batch is claimed, marked, handed over and recorded, whatever the provider does."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog.testing
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from newsletter.models import Delivery, DeliveryStatus, Edition, EditionState
from newsletter.sending import answers, press, sender
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.fence import Fence
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports import (
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Uncertain,
)
from subscriptions.models import Subscriber
from tests.newsletter.sending.ways_out import HandClock, Killed, Mailbox, after_accepting, always
from tests.newsletter.world import a_planned_edition, a_reader, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(5)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


def send_due(clock: HandClock, mailbox: Mailbox) -> None:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)


def statuses(edition) -> dict[str, int]:
    return {name: count for name, count in books(edition).lines() if count and name != "due"}


def test_every_reader_gets_one_mail_with_the_chosen_papers(edition, clock):
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert set(mailbox.addresses.values()) == {1}
    assert len(mailbox.accepted) == 5
    assert statuses(edition) == {"sent": 5}
    for mail in mailbox.accepted:
        delivery = Delivery.objects.get(pk=mail.delivery_id)
        assert list(mail.papers) == delivery.papers
        assert len(delivery.papers) == 3


def test_nothing_is_sent_before_the_readers_hour(edition, clock):
    clock.forward(seconds=-1)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert not mailbox.accepted


def test_a_batch_sent_twice_mails_nobody_twice(edition, clock):
    mailbox = Mailbox()
    ids = due_batches(clock())
    assert [send_batch(pk, clock, mailbox) for pk in ids] == [True]
    assert [send_batch(pk, clock, mailbox) for pk in ids] == [False]
    assert len(mailbox.accepted) == 5


def test_one_refused_reader_fails_alone_with_the_reason(edition, clock):
    mailbox = Mailbox(
        lambda number, _: PermanentForReader("550 no such user") if number == 2 else None
    )
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 4, "failed": 1}
    assert Delivery.objects.get(status=DeliveryStatus.FAILED).reason == "550 no such user"


def test_a_digest_that_cannot_be_rendered_fails_alone_and_its_reason_names_no_address(
    edition, clock, monkeypatch
):
    render = press.Press.print

    def fail_for_one(self, delivery_id, reader, selection):
        if reader.address.startswith("reader2"):
            raise ValueError(f"bad header\x00 <{reader.address.upper()}>")
        return render(self, delivery_id, reader, selection)

    monkeypatch.setattr(press.Press, "print", fail_for_one)
    send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": 4, "failed": 1}
    reason = Delivery.objects.get(status=DeliveryStatus.FAILED).reason
    assert reason == "could not be printed: ValueError: bad header <address>"


def test_throttling_keeps_every_reader_due_and_waits_as_told(edition, clock):
    mailbox = Mailbox(lambda number, _: Throttled("429", 120) if number == 1 else None)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 1, "deferred": 4}
    clock.forward(seconds=119)
    send_due(clock, mailbox)
    assert len(mailbox.accepted) == 1
    clock.forward(seconds=300)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 5}
    assert set(mailbox.addresses.values()) == {1}


@pytest.mark.parametrize(
    "seconds",
    [172_800, 1_770_000_000, 1e12, math.inf],
    ids=["two days", "an epoch", "milliseconds", "absurd"],
)
def test_no_provider_can_make_a_batch_wait_longer_than_an_hour(edition, clock, seconds):
    mailbox = Mailbox(lambda number, _: Throttled("429", seconds) if number == 1 else None)
    send_due(clock, mailbox)
    assert clock() < next_instant(edition) <= clock() + timedelta(hours=1)
    clock.forward(minutes=59)
    for _ in range(8):
        send_due(clock, mailbox)
        clock.forward(minutes=1)
    assert statuses(edition) == {"sent": 5}


def test_a_reader_who_takes_another_address_after_the_claim_gets_the_mail_there(edition, clock):
    last = Subscriber.objects.order_by("pk").last()

    def moves(number, _mail):
        if number == 0:
            Subscriber.objects.filter(pk=last.pk).update(address="o'neill\"{,}\\@example.net")

    mailbox = Mailbox(moves)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 4, "deferred": 1}
    assert last.address not in mailbox.addresses
    clock.forward(minutes=2)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 5}
    assert mailbox.accepted[-1].address == "o'neill\"{,}\\@example.net"
    assert set(mailbox.addresses.values()) == {1}


def test_throttling_is_no_attempt(edition, clock):
    mailbox = Mailbox(lambda number, _: Throttled("429", 1) if number < 30 else None)
    for _ in range(40):
        send_due(clock, mailbox)
        clock.forward(minutes=2)
    assert statuses(edition) == {"sent": 5}


def test_a_transient_refusal_is_tried_again_a_bounded_number_of_times(edition, clock):
    mailbox = Mailbox(
        lambda _, mail: Transient("451 greylisted") if mail.address.startswith("reader3") else None
    )
    for _ in range(12):
        send_due(clock, mailbox)
        clock.forward(minutes=31)
    assert statuses(edition) == {"sent": 4, "failed": 1}
    failed = Delivery.objects.get(status=DeliveryStatus.FAILED)
    assert failed.attempts == 5
    assert "451 greylisted" in failed.reason
    assert mailbox.tried == 9


def test_an_unknown_answer_is_uncertain_and_never_sent_again(edition, clock):
    mailbox = Mailbox(
        lambda number, _: after_accepting(Uncertain("no answer")) if number == 0 else None
    )
    for _ in range(3):
        send_due(clock, mailbox)
        clock.forward(hours=1)
        sweep(clock())
    assert statuses(edition) == {"sent": 4, "uncertain": 1}
    assert set(mailbox.addresses.values()) == {1}


def test_a_refusal_that_concerns_everybody_stops_the_run_and_says_so(edition, clock):
    mailbox = Mailbox(always(lambda: PermanentForAll("535 wrong password")))
    send_due(clock, mailbox)
    edition.refresh_from_db()
    assert mailbox.tried == 1
    assert edition.paused_reason == "535 wrong password"
    assert statuses(edition) == {"deferred": 5}
    assert due_batches(clock.forward(hours=1)) == []


def test_nothing_but_refusals_stops_the_run_before_everybody_has_failed(
    monkeypatch, edition, clock
):
    monkeypatch.setattr(answers, "FAILED_IN_A_ROW", 3)
    mailbox = Mailbox(always(lambda: PermanentForReader("554 policy")))
    send_due(clock, mailbox)
    edition.refresh_from_db()
    assert statuses(edition) == {"failed": 3, "deferred": 2}
    assert "554 policy" in edition.paused_reason


def test_an_error_outside_the_contract_leaves_one_uncertain_and_is_not_swallowed(edition, clock):
    mailbox = Mailbox(
        lambda number, _: after_accepting(ZeroDivisionError()) if number == 2 else None
    )
    with pytest.raises(ZeroDivisionError):
        send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 2, "uncertain": 1, "deferred": 2}


def test_a_killed_worker_leaves_one_uncertain_and_the_rest_are_sent(die, edition, clock):
    mailbox = Mailbox(lambda number, _: after_accepting(Killed()) if number == 2 else None)
    [batch_id] = due_batches(clock())
    die(lambda: send_batch(batch_id, clock, mailbox))
    clock.forward(minutes=4)
    sweep(clock())
    send_due(clock, mailbox)
    sweep(clock())
    assert statuses(edition) == {"sent": 4, "uncertain": 1}
    assert set(mailbox.addresses.values()) == {1}
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE


def test_what_is_later_than_the_catch_up_window_is_late_and_the_books_say_so(edition, clock):
    clock.forward(hours=6, seconds=1)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    sweep(clock())
    assert not mailbox.accepted
    assert statuses(edition) == {"late": 5}


def test_inside_the_catch_up_window_the_digest_goes_out_late(edition, clock):
    clock.forward(hours=5, minutes=59)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 5}
    assert timedelta(0) < clock() - edition.nominal_at


@pytest.fixture
def full_disk(monkeypatch) -> Callable[[int], list[float]]:
    """Let the end of a batch fail so many times as when the database cannot write; what is slept
    meanwhile takes no time.
    """

    def fails(times: int) -> list[float]:
        left, waits, really = (
            [OperationalError("could not extend file\nHINT: Check free disk space.")] * times,
            [],
            sender.finish,
        )

        def finish(*values, **named) -> bool:
            if left:
                raise left.pop()
            return really(*values, **named)

        monkeypatch.setattr(sender, "finish", finish)
        monkeypatch.setattr(sender.time, "sleep", waits.append)
        monkeypatch.setattr(sender.database, "close", lambda: None)
        return waits

    return fails


def test_a_database_that_cannot_write_for_a_while_is_waited_for_and_told_about(
    edition, clock, full_disk, monkeypatch
):
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(sender, "log", log)
    waits = full_disk(3)
    send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": 5}
    assert [wait for wait in waits if wait] == list(sender.PATIENCE[:3])
    told = [call.kwargs["error"] for call in log.calls if call.args == ("batch_not_recorded_yet",)]
    assert told == ["could not extend file"] * 3


def test_what_could_not_be_recorded_is_left_to_the_sweep_and_told_about(
    edition, clock, full_disk, monkeypatch
):
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(sender, "log", log)
    full_disk(len(sender.PATIENCE))
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert len(mailbox.accepted) == 5
    assert statuses(edition) == {"claimed": 5}
    assert log.calls[-1].method_name == "error"
    assert log.calls[-1].args == ("batch_left_to_the_sweep",)


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded, MemoryError])
def test_a_process_in_trouble_fails_no_reader(edition, clock, monkeypatch, error):
    def print_mail(*_arguments):
        raise error

    monkeypatch.setattr(press.Press, "print", print_mail)
    with pytest.raises(error):
        send_due(clock, Mailbox())
    assert statuses(edition) == {"deferred": 5}


@pytest.mark.django_db(transaction=True)
def test_a_language_met_first_while_the_database_makes_a_mark_stops_nothing(settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    papers(6)
    readers(4)
    a_reader(5, language="de")
    edition = a_planned_edition()
    clock = HandClock(next_instant(edition))
    mailbox = Mailbox()
    mailbox.width = 2
    press.forget()
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 5}
    assert mailbox.connections == 2


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("before", {"deferred": 5}), ("after", {"uncertain": 2, "deferred": 3})],
)
def test_a_worker_told_to_stop_about_the_mark_takes_nothing_for_sent(
    edition, clock, monkeypatch, moment, expected
):
    advance = Fence.advance

    def told_to_stop(*arguments):
        if moment == "after":
            advance(*arguments)
        raise SystemExit

    monkeypatch.setattr(Fence, "advance", told_to_stop)
    mailbox = Mailbox()
    mailbox.width = 2
    with pytest.raises(SystemExit):
        send_due(clock, mailbox)
    assert not mailbox.accepted
    assert statuses(edition) == expected


def test_an_edition_in_many_languages_is_read_once_in_each(settings, monkeypatch):
    settings.LANGUAGES = [(code, code) for code in ("en", "de", "fr", "es", "ar")]
    papers(6)
    for number in range(1, 21):
        a_reader(number, language=settings.LANGUAGES[number % 5][0])
    edition = a_planned_edition()
    press.forget()
    unpack, unpacked = press.CompiledParts.from_bytes, []
    monkeypatch.setattr(
        press.CompiledParts, "from_bytes", lambda stored: unpacked.append(stored) or unpack(stored)
    )
    send_due(HandClock(next_instant(edition)), Mailbox())
    assert statuses(edition) == {"sent": 20}
    assert len(unpacked) == 5
