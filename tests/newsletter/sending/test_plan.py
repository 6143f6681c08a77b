"""Planning puts every reader into one batch of their slot, once."""

from datetime import timedelta

import pytest

from newsletter.models import Batch, Delivery, EditionState
from newsletter.sending import plan
from newsletter.sending.books import books
from newsletter.sending.plan import plan_edition, plan_first_digest
from newsletter.sending.sender import send_batch
from subscriptions.models import Subscriber
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import (
    DAY,
    FREEZE,
    NOON,
    a_frozen_edition,
    a_planned_edition,
    a_profile,
    a_reader,
    papers,
    readers,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def some_papers():
    papers(4)


def planned(edition) -> dict[int, int]:
    """How often each reader is planned."""
    counts: dict[int, int] = {}
    for ids in edition.batches.values_list("subscriber_ids", flat=True):
        for pk in ids:
            counts[pk] = counts.get(pk, 0) + 1
    return counts


def test_readers_of_one_hour_share_batches_of_the_set_size(settings):
    settings.BATCH_SIZE = 3
    readers(7)
    edition = a_frozen_edition()
    assert plan_edition(edition.pk, FREEZE) == 7
    assert sorted(edition.batches.values_list("planned_count", flat=True)) == [1, 3, 3]
    assert {batch.send_after for batch in edition.batches.all()} == {FREEZE + timedelta(hours=3)}


def test_the_same_local_hour_in_two_zones_is_two_batches():
    a_reader(1, timezone="Europe/Berlin")
    a_reader(2, timezone="America/New_York")
    edition = a_planned_edition()
    assert [batch.send_after.hour for batch in edition.batches.order_by("send_after")] == [7, 13]


def test_a_reader_whose_zone_no_longer_exists_stops_nobody():
    zones = ["Europe/Berlin", "Mars/Olympus", "", "US/Pacific-New"]
    everybody = [a_reader(number, timezone=zone).pk for number, zone in enumerate(zones)]
    edition = a_planned_edition()
    assert planned(edition) == dict.fromkeys(everybody, 1)
    assert {batch.send_after.hour for batch in edition.batches.all()} == {7, 8, 16}


def test_planning_twice_plans_nobody_twice():
    readers(3)
    edition = a_frozen_edition()
    assert plan_edition(edition.pk, FREEZE) == 3
    assert plan_edition(edition.pk, FREEZE) is None
    assert set(planned(edition).values()) == {1}


def test_pages_leave_nobody_out_and_take_nobody_twice(monkeypatch):
    monkeypatch.setattr(plan, "PAGE", 2)
    monkeypatch.setattr(plan, "WRITTEN_AT_ONCE", 1)
    everybody = [reader.pk for reader in readers(7)]
    edition = a_planned_edition()
    assert planned(edition) == dict.fromkeys(everybody, 1)


def test_only_the_confirmed_readers_of_the_cadence_are_planned():
    wanted = [a_reader(1), a_reader(2, cadence="weekdays")]
    a_reader(3, cadence="weekly")
    a_reader(4, state="pending", confirmed_at=None)
    a_reader(5, state="unsubscribed", left_at=FREEZE)
    assert planned(a_planned_edition()) == {reader.pk: 1 for reader in wanted}


def test_the_weekly_edition_is_for_weekly_readers_alone():
    weekly = a_reader(1, cadence="weekly")
    a_reader(2)
    assert planned(a_planned_edition("weekly")) == {weekly.pk: 1}


def test_readers_on_weekdays_are_not_planned_on_a_saturday():
    a_reader(1, cadence="weekdays")
    every_day = a_reader(2)
    assert planned(a_planned_edition(day=DAY + timedelta(days=3))) == {every_day.pk: 1}


def test_an_edition_without_readers_is_planned_and_done():
    edition = a_planned_edition()
    assert edition.state == EditionState.SENDING
    assert books(edition).due == 0


def test_a_new_reader_gets_the_newest_edition_at_once():
    edition = a_planned_edition()
    reader = a_reader(9, hour=3)
    batch_id = plan_first_digest(reader.pk, NOON)
    mailbox = Mailbox()
    assert send_batch(batch_id, HandClock(NOON), mailbox)
    assert mailbox.addresses == {reader.address: 1}
    assert books(edition).balanced


def test_a_first_digest_is_planned_once_and_the_usual_slot_sends_no_second(settings):
    reader = a_reader(1, hour=20)
    edition = a_planned_edition()
    first = plan_first_digest(reader.pk, NOON)
    assert plan_first_digest(reader.pk, NOON) is None
    mailbox = Mailbox()
    send_batch(first, HandClock(NOON), mailbox)
    usual = edition.batches.exclude(pk=first).get()
    send_batch(usual.pk, HandClock(usual.send_after), mailbox)
    assert mailbox.addresses == {reader.address: 1}
    assert books(edition).balanced
    assert books(edition).due == 1


@pytest.mark.parametrize(("cadence", "days"), [("daily", 2), ("weekly", 8)])
def test_an_old_edition_is_no_welcome(settings, cadence, days):
    settings.WELCOME_DAYS = 2
    frozen_at = a_planned_edition(cadence).frozen_at
    reader = a_reader(1, cadence=cadence)
    assert plan_first_digest(reader.pk, frozen_at + timedelta(days=days, minutes=1)) is None
    assert plan_first_digest(reader.pk, frozen_at + timedelta(days=days)) is not None


def test_in_a_trial_the_edition_of_a_demo_welcomes_however_old_it_is():
    a_planned_edition()
    assert plan_first_digest(a_reader(1).pk, NOON + timedelta(days=700)) is not None


def test_a_pending_reader_gets_no_first_digest():
    a_planned_edition()
    assert plan_first_digest(a_reader(1, state="pending", confirmed_at=None).pk, NOON) is None


def test_a_weekly_reader_begins_with_the_weekly_edition():
    a_planned_edition()
    weekly = a_planned_edition("weekly")
    batch_id = plan_first_digest(a_reader(1, cadence="weekly").pk, NOON)
    assert Batch.objects.get(pk=batch_id).edition == weekly


def test_a_reader_whose_slot_has_moved_later_waits_for_it():
    reader = a_reader(1, hour=8)
    edition = a_planned_edition()
    [batch] = edition.batches.all()
    Subscriber.objects.filter(pk=reader.pk).update(hour=21)
    mailbox = Mailbox()
    send_batch(batch.pk, HandClock(batch.send_after), mailbox)
    assert not mailbox.accepted
    later = edition.batches.get(state="planned")
    assert later.send_after.hour == 21
    send_batch(later.pk, HandClock(later.send_after), mailbox)
    assert mailbox.addresses == {reader.address: 1}
    assert books(edition).balanced
    assert books(edition).due == 1


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"state": "unsubscribed", "left_at": FREEZE}, "skipped", "left"),
        ({"paused_until": NOON}, "skipped", "paused"),
        ({"cadence": "weekly"}, "skipped", "not wanted"),
        ({"suppressed_at": FREEZE}, "suppressed", "may not write"),
    ],
)
def test_the_claim_asks_what_readers_want_now(change, status, reason):
    reader = a_reader(1, profile=a_profile())
    edition = a_planned_edition()
    Subscriber.objects.filter(pk=reader.pk).update(**change)
    [batch] = edition.batches.all()
    mailbox = Mailbox()
    send_batch(batch.pk, HandClock(batch.send_after), mailbox)
    delivery = Delivery.objects.get()
    assert not mailbox.accepted
    assert (delivery.status, reason in delivery.reason) == (status, True)
    assert books(edition).balanced


@pytest.mark.parametrize(("rate", "size"), [(0, 5), (0.1, 3), (100, 5)])
def test_a_slow_providers_batches_are_what_it_takes_in_half_a_minute(settings, rate, size):
    settings.BATCH_SIZE, settings.SEND_RATE = 5, rate
    readers(10)
    edition = a_planned_edition()
    assert max(edition.batches.values_list("planned_count", flat=True)) == size
