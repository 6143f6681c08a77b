"""Nothing is locked while digests are chosen: readers may leave and change, and staff may act. What
changed meanwhile is respected, and a worker that takes too long or dies loses nothing.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.test import Client
from django.urls import reverse

from newsletter.models import (
    Alert,
    AlertKind,
    Batch,
    BatchState,
    Delivery,
    DeliveryStatus,
    Edition,
    EditionState,
)
from newsletter.models.batch import OUT_OF_TIME
from newsletter.sending import choosing, frozen
from newsletter.sending import claim as claiming
from newsletter.sending.books import books
from newsletter.sending.claim import claim
from newsletter.sending.control import cancel_run, pause, resume, retry_failed, strike
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.history import remember
from newsletter.sending.plan import plan_first_digest
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports import PermanentForReader
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.tokens import Power, sign
from tests.newsletter.poison import with_profile
from tests.newsletter.sending.ways_out import HandClock, Killed, Mailbox, always
from tests.newsletter.world import a_planned_edition, a_profile, papers, readers

pytestmark = pytest.mark.django_db
READERS = 6


@pytest.fixture
def edition() -> Edition:
    papers(8)
    readers(READERS)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


@pytest.fixture
def ranking(monkeypatch) -> Callable[..., list[int]]:
    """Let something happen in each call of the ranking, or in the first so many. Return for how
    many readers each call was.
    """
    really = choosing.rank

    def happen(event: Callable[[], object], times: int | None = None) -> list[int]:
        sizes: list[int] = []

        def rank(statistics, profiles, excluded, matches):
            sizes.append(len(profiles))
            if times is None or len(sizes) <= times:
                event()
            return really(statistics, profiles, excluded, matches)

        monkeypatch.setattr(choosing, "rank", rank)
        return sizes

    return happen


def in_blocks_of(monkeypatch, count: int) -> None:
    """Let blocks of so many readers be ranked, however long they take."""
    monkeypatch.setattr(frozen.Pace, "note", lambda *_given: None)
    monkeypatch.setattr(choosing, "pace_of", lambda _edition: frozen.Pace(count))


def send_due(clock: HandClock, mailbox: Mailbox) -> Mailbox:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)
    return mailbox


def defer_all(edition: Edition, clock: HandClock) -> None:
    """Let every delivery fail, and be planned again in one batch."""
    send_due(clock, Mailbox(always(lambda: PermanentForReader("550"))))
    assert retry_failed(edition.pk, clock()) == READERS


def statuses(edition) -> dict[str, int]:
    account = books(edition)
    assert account.balanced
    return {name: count for name, count in account.lines() if count and name != "due"}


def some_reader() -> Subscriber:
    return Subscriber.objects.order_by("pk")[2]


@pytest.mark.django_db(transaction=True)
def test_while_digests_are_chosen_leaving_is_answered_and_nobody_else_takes_the_batch(
    edition, clock, ranking
):
    leaving = some_reader()
    being_chosen, go_on = threading.Event(), threading.Event()
    mailbox, results = Mailbox(), []

    def wait() -> None:
        being_chosen.set()
        go_on.wait(60)

    ranking(wait, times=1)
    [batch_id] = due_batches(clock())

    def work() -> None:
        try:
            results.append(send_batch(batch_id, clock, mailbox))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert being_chosen.wait(60)
        left = Client(raise_request_exception=False).post(
            reverse("leave", args=[sign(Power.LEAVE, leaving.pk, edition.pk)]),
            {"List-Unsubscribe": "One-Click"},
        )
        second = send_batch(batch_id, clock, mailbox)
        sweep(clock())
        assert due_batches(clock()) == []
        assert statuses(edition) == {"planned": READERS}
        assert worker.is_alive()
    finally:
        go_on.set()
        worker.join(60)
    assert (left.status_code, second, results) == (200, False, [True])
    leaving.refresh_from_db()
    assert leaving.state == SubscriberState.UNSUBSCRIBED
    assert leaving.address not in mailbox.addresses
    assert Delivery.objects.get(subscriber=leaving).reason == "left"
    assert statuses(edition) == {"sent": READERS - 1, "skipped": 1}
    assert set(mailbox.addresses.values()) == {1}


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_digests_are_chosen(edition, clock, ranking):
    in_transaction = []
    ranking(lambda: in_transaction.append(connection.in_atomic_block))
    send_due(clock, Mailbox())
    assert in_transaction == [False]
    assert statuses(edition) == {"sent": READERS}


def test_the_time_for_hand_overs_begins_when_all_digests_are_chosen(edition, clock, ranking):
    ranking(lambda: clock.forward(seconds=50))
    assert len(send_due(clock, Mailbox()).accepted) == READERS


def test_the_sweep_leaves_a_batch_whose_lease_is_renewed_while_digests_are_chosen(
    edition, clock, ranking, monkeypatch, settings
):
    in_blocks_of(monkeypatch, READERS // 2)
    monkeypatch.setattr(claiming, "CHOOSING_TIME", timedelta(seconds=settings.LEASE_SECONDS))
    began = clock()
    steps = iter([0.4, 0.7])

    def work_long() -> None:
        clock.forward(seconds=next(steps) * settings.LEASE_SECONDS)
        sweep(clock())

    ranking(work_long)
    mailbox = send_due(clock, Mailbox())
    assert clock() - began > timedelta(seconds=settings.LEASE_SECONDS)
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}


def kill_worker() -> None:
    raise Killed


def test_a_batch_whose_worker_dies_while_digests_are_chosen_is_planned_again(
    edition, clock, ranking, settings
):
    ranking(kill_worker, times=1)
    [batch_id] = due_batches(clock())
    with pytest.raises(Killed):
        send_batch(batch_id, clock, Mailbox())
    sweep(clock.forward(seconds=settings.LEASE_SECONDS - 1))
    assert due_batches(clock()) == []
    sweep(clock.forward(seconds=1))
    batch = Batch.objects.get(pk=batch_id)
    assert (batch.state, len(batch.subscriber_ids)) == (BatchState.PLANNED, READERS)
    assert (batch.failures, batch.failure_reason) == (1, OUT_OF_TIME)
    mailbox = send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}
    assert not Batch.objects.exclude(failures=0).exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_loses_its_connection_puts_the_batch_back_at_once(edition, clock, ranking):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's test database lives in one connection")
    ranking(lambda: connection.connection.close(), times=1)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    batch = Batch.objects.get()
    assert (batch.state, batch.failures) == (BatchState.PLANNED, 1)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}


def test_a_worker_whose_lease_ran_out_while_it_chose_writes_nothing(
    edition, clock, ranking, settings
):
    ranking(lambda: clock.forward(seconds=settings.LEASE_SECONDS))
    [batch_id] = due_batches(clock())
    assert claim(batch_id, clock) is None
    assert not Delivery.objects.exists()
    assert Batch.objects.get().state == BatchState.CHOOSING


def test_a_worker_that_wakes_up_late_does_not_disturb_the_one_that_took_the_batch_over(
    edition, clock, ranking, settings
):
    mailbox = Mailbox()

    def sleep_while_another_worker_sends() -> None:
        sweep(clock.forward(seconds=settings.LEASE_SECONDS))
        send_due(clock, mailbox)

    ranking(sleep_while_another_worker_sends, times=1)
    [batch_id] = due_batches(clock())
    assert not send_batch(batch_id, clock, mailbox)
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}


def test_when_the_time_is_used_up_the_chosen_mails_go_out_and_the_others_wait_as_a_new_batch(
    edition, clock, ranking, monkeypatch
):
    in_blocks_of(monkeypatch, 2)
    sizes = ranking(lambda: clock.forward(seconds=20))
    [batch_id] = due_batches(clock())
    mailbox = Mailbox()
    assert send_batch(batch_id, clock, mailbox)
    assert sizes == [2, 2]
    assert statuses(edition) == {"sent": 4, "planned": 2}
    done, rest = Batch.objects.order_by("pk")
    assert (rest.slot_at, rest.planned_count, rest.failures) == (done.slot_at, 2, 0)
    assert due_batches(clock()) == [rest.pk]
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}


def test_deferred_deliveries_that_are_left_when_the_time_is_used_up_go_to_a_new_batch_too(
    edition, clock, ranking, monkeypatch
):
    defer_all(edition, clock)
    in_blocks_of(monkeypatch, 4)
    ranking(lambda: clock.forward(seconds=40), times=1)
    [batch_id] = due_batches(clock())
    mailbox = Mailbox()
    send_batch(batch_id, clock, mailbox)
    assert statuses(edition) == {"sent": 4, "deferred": 2}
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}


def run_out_of_lease(clock: HandClock, settings) -> Callable[[], object]:
    return lambda: clock.forward(seconds=settings.LEASE_SECONDS)


def raise_soft_limit(_clock: HandClock, _settings) -> Callable[[], object]:
    def told_to_stop() -> None:
        raise SoftTimeLimitExceeded

    return told_to_stop


@pytest.mark.parametrize("too_slow", [run_out_of_lease, raise_soft_limit])
@pytest.mark.parametrize("deferred", [False, True], ids=["planned", "deferred"])
def test_a_batch_that_twice_had_too_little_time_is_split_in_halves_and_shown_to_staff(
    edition, clock, ranking, settings, too_slow, deferred
):
    if deferred:
        defer_all(edition, clock)
    mailbox = Mailbox()
    ranking(too_slow(clock, settings), times=2)
    for _ in range(2):
        [batch_id] = due_batches(clock())
        assert not send_batch(batch_id, clock, mailbox)
        sweep(clock())
        assert Batch.objects.get(pk=batch_id).failure_reason == OUT_OF_TIME
        clock.forward(minutes=2)
    halves = Batch.objects.filter(state=BatchState.PLANNED)
    assert {(half.failures, half.failure_reason) for half in halves} == {(2, OUT_OF_TIME)}
    sizes = [
        len(half.subscriber_ids) or half.deliveries.filter(status="deferred").count()
        for half in halves
    ]
    assert sizes == [READERS // 2, READERS // 2]
    assert statuses(edition) == {"deferred" if deferred else "planned": READERS}
    alert = Alert.objects.shown().get()
    assert (alert.kind, alert.reason) == (AlertKind.BATCHES, OUT_OF_TIME)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}
    assert set(mailbox.addresses.values()) == {1}
    assert not Alert.objects.standing().exists()


def test_a_batch_of_one_reader_is_not_split(edition, clock, ranking, settings):
    batch = Batch.objects.get()
    Batch.objects.update(subscriber_ids=batch.subscriber_ids[:1], planned_count=1)
    ranking(run_out_of_lease(clock, settings), times=3)
    for _ in range(3):
        send_due(clock, Mailbox())
        sweep(clock())
        clock.forward(minutes=5)
    assert Batch.objects.get().failures == 3


def test_a_reader_whose_profile_changes_meanwhile_is_ranked_again(edition, clock, ranking):
    reader, wish = some_reader(), a_profile(papers_per_digest=1)
    sizes = ranking(lambda: Subscriber.objects.filter(pk=reader.pk).update(profile=wish), times=1)
    send_due(clock, Mailbox())
    assert sizes == [READERS, 1]
    delivery = Delivery.objects.get(subscriber=reader)
    assert (delivery.status, delivery.profile_id, len(delivery.papers)) == ("sent", wish.pk, 1)
    assert statuses(edition) == {"sent": READERS}


def test_a_reader_who_changes_each_time_goes_to_a_new_batch_and_holds_nobody_up(
    edition, clock, ranking
):
    reader = some_reader()
    wishes = iter([a_profile(papers_per_digest=count) for count in (1, 2, 4, 5)])
    sizes = ranking(
        lambda: Subscriber.objects.filter(pk=reader.pk).update(profile=next(wishes)), times=3
    )
    [batch_id] = due_batches(clock())
    mailbox = Mailbox()
    send_batch(batch_id, clock, mailbox)
    assert sizes == [READERS] + [1] * (claiming.ROUNDS - 1)
    assert statuses(edition) == {"sent": READERS - 1, "planned": 1}
    send_due(clock, mailbox)
    assert len(Delivery.objects.get(subscriber=reader).papers) == 4
    assert set(mailbox.addresses.values()) == {1}


def test_what_a_reader_is_mailed_meanwhile_is_not_in_their_digest(edition, clock, ranking):
    reader, all_papers = some_reader(), [one.paper_id for one in edition.candidates.all()]
    sizes = ranking(lambda: remember({reader.pk: all_papers[:6]}), times=1)
    send_due(clock, Mailbox())
    assert sizes == [READERS, 1]
    assert set(Delivery.objects.get(subscriber=reader).papers) == set(all_papers[6:])


def test_a_paper_that_is_struck_meanwhile_is_in_no_mail(edition, clock, ranking):
    paper = edition.candidates.order_by("-paper__listings__counts__votes").first().paper
    sizes = ranking(lambda: strike(edition, paper, "withdrawn", None, clock()), times=1)
    mailbox = send_due(clock, Mailbox())
    assert sizes == [READERS, READERS]
    assert len(mailbox.accepted) == READERS
    assert all(paper.pk not in mail.papers for mail in mailbox.accepted)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": "unsubscribed"}, {"skipped": 1}),
        ({"suppressed_at": True}, {"suppressed": 1}),
        ({"paused_until": True}, {"skipped": 1}),
        ({"cadence": "weekly"}, {"skipped": 1}),
        ({"hour": 23}, {"planned": 1}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_reader_who_may_not_be_written_to_any_more_gets_nothing(
    edition, clock, ranking, change, expected
):
    reader, later = some_reader(), clock() + timedelta(days=1)
    values = {name: later if value is True else value for name, value in change.items()}
    ranking(
        lambda: Subscriber.objects.filter(pk=reader.pk).update(left_at=clock(), **values), times=1
    )
    mailbox = send_due(clock, Mailbox())
    assert reader.address not in mailbox.addresses
    assert statuses(edition) == {"sent": READERS - 1} | expected


def test_a_reader_who_moves_meanwhile_gets_the_mail_at_the_new_address(edition, clock, ranking):
    reader = some_reader()
    ranking(
        lambda: Subscriber.objects.filter(pk=reader.pk).update(address="new@example.net"), times=1
    )
    mailbox = send_due(clock, Mailbox())
    assert "new@example.net" in mailbox.addresses
    assert statuses(edition) == {"sent": READERS}


def test_a_reader_whose_history_is_damaged_meanwhile_fails_alone(edition, clock, ranking):
    reader = some_reader()
    paper = edition.candidates.first().paper_id
    remember({reader.pk: [paper]})
    ranking(
        lambda: reader.mailed_history.all().update(offsets=b"odd"),
        times=1,
    )
    send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": READERS - 1, "failed": 1}
    assert Delivery.objects.get(status=DeliveryStatus.FAILED).subscriber_id == reader.pk


def test_a_reader_whose_profile_breaks_meanwhile_fails_alone(edition, clock, ranking):
    reader = some_reader()
    ranking(lambda: with_profile(reader, taste=b"no taste"), times=1)
    send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": READERS - 1, "failed": 1}


def test_a_run_that_is_paused_meanwhile_sends_nothing_and_goes_on_when_it_is_resumed(
    edition, clock, ranking
):
    ranking(lambda: pause(edition.pk, "look", clock()), times=1)
    mailbox = send_due(clock, Mailbox())
    assert not mailbox.accepted
    assert statuses(edition) == {"planned": READERS}
    batch = Batch.objects.get()
    assert (batch.state, batch.failures) == (BatchState.PLANNED, 0)
    assert due_batches(clock()) == []
    resume(edition.pk)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}


def test_a_run_that_is_paused_and_resumed_meanwhile_just_goes_on(edition, clock, ranking):
    def pause_and_resume() -> None:
        pause(edition.pk, "look", clock())
        resume(edition.pk)

    ranking(pause_and_resume, times=1)
    send_due(clock, Mailbox())
    assert statuses(edition) == {"sent": READERS}


def test_a_run_that_is_cancelled_meanwhile_sends_nothing_and_its_books_balance(
    edition, clock, ranking
):
    ranking(lambda: cancel_run(edition.pk), times=1)
    mailbox = send_due(clock, Mailbox())
    sweep(clock())
    assert not mailbox.accepted
    assert statuses(edition) == {"cancelled": READERS}


def test_an_edition_whose_digests_are_being_chosen_is_not_done(edition, clock, ranking):
    ranking(lambda: sweep(clock()), times=1)
    send_due(clock, Mailbox())
    sweep(clock())
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE


def test_a_reader_whose_first_digest_is_being_chosen_is_not_planned_again(edition, clock, ranking):
    reader = some_reader()
    Batch.objects.update(subscriber_ids=[], planned_count=0, state=BatchState.DONE)
    batch_id = plan_first_digest(reader.pk, clock())
    again = []
    ranking(lambda: again.append(plan_first_digest(reader.pk, clock())), times=1)
    mailbox = Mailbox()
    send_batch(batch_id, clock, mailbox)
    assert again == [None]
    assert len(mailbox.accepted) == 1


def test_blocks_are_as_large_as_fits_the_time_that_readers_cost(edition, clock, ranking):
    in_two_seconds = frozen.BLOCK_TIME / timedelta(seconds=1)
    sizes = ranking(lambda: clock.forward(seconds=in_two_seconds * READERS), times=1)
    send_due(clock, Mailbox())
    assert sizes == [READERS]
    assert frozen.pace_of(edition.pk).readers == 1
