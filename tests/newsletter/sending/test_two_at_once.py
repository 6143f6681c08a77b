"""Several workers, planners and sweepers at once: the database lets one of them win."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from newsletter.models import Batch, Delivery, Edition
from newsletter.retention import delete_old_rows
from newsletter.sending.books import books
from newsletter.sending.claim import claim
from newsletter.sending.control import pause, resume
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition, plan_first_digest
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from subscriptions.models import Subscriber, SubscriberState
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import (
    FREEZE,
    a_frozen_edition,
    a_planned_edition,
    a_profile,
    a_reader,
    papers,
    readers,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def threads_share_the_database():
    if connection.vendor == "sqlite":
        pytest.skip(
            "SQLite has one sender by design, and its test database lives in one connection"
        )


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run every work in a thread of its own, all let go together."""
    results: list[object] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(place: int) -> None:
        barrier.wait(10)
        try:
            results[place] = works[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(30)
    return a_planned_edition()


def test_ten_claims_of_one_batch_are_one_claim(edition):
    batch = edition.batches.get()
    claims = at_once(*[lambda: claim(batch.pk, HandClock(batch.send_after))] * 10)
    assert sum(one is not None for one in claims) == 1
    assert Delivery.objects.count() == 30


def test_workers_share_the_batches_and_nobody_is_mailed_twice(settings):
    settings.BATCH_SIZE = 5
    papers(6)
    readers(30)
    edition = a_planned_edition()
    ids = list(edition.batches.values_list("pk", flat=True))
    clock = HandClock(edition.batches.first().send_after)
    mailbox = Mailbox()

    def work() -> None:
        for pk in ids:
            send_batch(pk, clock, mailbox)

    at_once(*[work] * 4)
    assert len(mailbox.accepted) == 30
    assert set(mailbox.addresses.values()) == {1}
    assert books(edition).sent == 30


def test_two_planners_plan_once():
    papers(2)
    readers(10)
    edition = a_frozen_edition()
    planned = at_once(*[lambda: plan_edition(edition.pk, FREEZE)] * 4)
    assert sorted(planned, key=str) == [10, None, None, None]
    assert books(edition).due == 10


def test_two_editions_never_choose_the_same_paper_for_one_reader_at_once():
    papers(4)
    reader = a_reader(1, profile=a_profile(papers_per_digest=3))
    daily = a_planned_edition()
    Subscriber.objects.filter(pk=reader.pk).update(cadence="weekly")
    weekly = a_planned_edition("weekly")
    Batch.objects.update(
        at_once=True
    )  # each edition is sent whatever cadence the reader has just now
    ids = [daily.batches.get().pk, weekly.batches.get().pk]
    at_once(*[lambda pk=pk: claim(pk, HandClock(daily.batches.get().send_after)) for pk in ids])
    chosen = [paper for row in Delivery.objects.all() for paper in row.papers]
    assert len(chosen) == len(set(chosen)) > 3


def test_sweepers_settle_an_abandoned_batch_once(edition, settings):
    batch = edition.batches.get()
    claim(batch.pk, HandClock(batch.send_after))
    later = batch.send_after + timedelta(seconds=settings.LEASE_SECONDS)
    at_once(*[lambda: sweep(later)] * 4)
    assert edition.batches.filter(state="planned").count() == 1
    assert books(edition).balanced


def test_confirming_many_times_at_once_plans_one_first_digest(edition):
    reader = a_reader(99)
    at_once(*[lambda: plan_first_digest(reader.pk, FREEZE)] * 5)
    assert edition.batches.filter(at_once=True).count() == 1


def test_a_run_resumed_while_a_pause_still_waits_for_a_batch_goes_on(edition):
    """The pause waits for the worker that is just writing the end of its batch; staff resume
    meanwhile.
    """
    batch = edition.batches.get()
    held = claim(batch.pk, HandClock(batch.send_after))
    waiting_batch = plan_first_digest(a_reader(99).pk, batch.send_after)

    def resumed() -> bool:
        return Edition.objects.filter(pk=edition.pk, paused_at=None).exists()

    pausing = threading.Thread(
        target=in_a_thread, args=[lambda: pause(edition.pk, "535 wrong password", batch.send_after)]
    )
    resuming = threading.Thread(target=in_a_thread, args=[lambda: resume(edition.pk)])
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=held.batch_id)
        pausing.start()
        wait_until(lambda: waiting() == 1)
        resuming.start()
        wait_until(lambda: resumed() or waiting() == 2)
    pausing.join(60)
    resuming.join(60)
    assert resumed()
    assert due_batches(batch.send_after) == [waiting_batch]


@pytest.mark.parametrize(
    "steer",
    [resume, lambda edition: pause(edition, "535 wrong password", FREEZE)],
    ids=["resume", "pause"],
)
def test_who_steers_a_run_keeps_clear_of_a_claim_and_of_a_reader_in_it_who_comes_back(
    edition, steer
):
    """Each of the three would wait for the next one: in such a ring the database breaks one of
    them off.
    """
    batch = edition.batches.get()
    done: list[str] = []

    def claimed() -> None:
        assert claim(batch.pk, HandClock(batch.send_after))
        done.append("claimed")

    def steered() -> None:
        steer(edition.pk)
        done.append("steered")

    threads = [threading.Thread(target=in_a_thread, args=[work]) for work in (claimed, steered)]
    with transaction.atomic():
        # As a confirmation does before it asks for a first digest.
        coming_back = Subscriber.objects.select_for_update().get(pk=batch.subscriber_ids[0])
        for number, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda number=number: waiting() == number)
        assert plan_first_digest(coming_back.pk, batch.send_after)
    for thread in threads:
        thread.join(60)
    assert done == ["claimed", "steered"]


def in_a_thread(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_leaving_while_the_batch_is_claimed_is_obeyed_at_the_hand_over(edition):
    batch = edition.batches.get()
    leaving = Subscriber.objects.order_by("pk").last()
    mailbox = Mailbox(
        lambda number, _: (
            Subscriber.objects.filter(pk=leaving.pk).update(state="unsubscribed", left_at=FREEZE)
            and None
            if number == 0
            else None
        )
    )
    send_batch(batch.pk, HandClock(batch.send_after), mailbox)
    assert leaving.address not in mailbox.addresses
    assert Delivery.objects.get(subscriber=leaving).reason == "left"


def while_waiting(first: Callable[[], object], second: Callable[[], object]) -> list[object]:
    """Run the second work in a thread of its own as soon as the first is done but not committed;
    it has to wait for the commit.
    """
    results: list[object] = []

    def run() -> None:
        try:
            results.append(second())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        while not somebody_waits():
            assert thread.is_alive(), "it did not wait"
            thread.join(0.01)
    thread.join(60)
    return results


def waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def somebody_waits() -> bool:
    return waiting() > 0


@pytest.fixture
def never_confirmed(edition) -> Subscriber:
    """A reader old enough to be forgotten who is in a batch all the same. The product lets
    nobody be both.
    """
    reader = Subscriber.objects.order_by("pk").first()
    Subscriber.objects.filter(pk=reader.pk).update(state=SubscriberState.PENDING)
    return reader


def test_whom_a_claim_has_just_given_a_delivery_is_not_deleted(edition, never_confirmed):
    batch = edition.batches.get()
    [forgotten] = while_waiting(
        lambda: claim(batch.pk, HandClock(batch.send_after)),
        lambda: delete_old_rows(FREEZE + timedelta(days=1)),
    )
    assert forgotten["unconfirmed_readers"] == 0
    assert Delivery.objects.get(subscriber=never_confirmed.pk).subscriber.pk == never_confirmed.pk


def test_whom_retention_is_just_deleting_gets_no_delivery(edition, never_confirmed):
    batch = edition.batches.get()
    [claimed] = while_waiting(
        lambda: delete_old_rows(FREEZE + timedelta(days=1)),
        lambda: claim(batch.pk, HandClock(batch.send_after)),
    )
    assert len(claimed.hand_overs) == Delivery.objects.count() == 29
    assert not Delivery.objects.filter(subscriber=never_confirmed.pk).exists()


def test_whom_retention_is_just_deleting_is_not_written_off_either(edition, never_confirmed):
    later = edition.batches.get().send_after + timedelta(days=1)
    while_waiting(lambda: delete_old_rows(FREEZE + timedelta(days=1)), lambda: sweep(later))
    assert not Delivery.objects.filter(subscriber=never_confirmed.pk).exists()
    assert books(edition).late == 29
    assert books(edition).balanced
