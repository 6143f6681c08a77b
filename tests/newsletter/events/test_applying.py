"""What events mean for deliveries: the same in whatever order, however often, and all at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections

from newsletter.events import applying
from newsletter.events.applying import LOOK_AGAIN, REFUSED_BY_EVENT, apply_due
from newsletter.events.receiving import Heard, store
from newsletter.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryStatus,
    MailedHistory,
    Outcome,
    ProviderEvent,
)
from newsletter.models import (
    EventKind as Kind,
)
from newsletter.sending.counting import count_batches, counted
from newsletter.sending.history import mailed_among, remember
from newsletter.sending.sweep import settle_expired
from subscriptions.models import Subscriber, Suppression
from subscriptions.registry import erase_reader
from subscriptions.suppression import hash_keys
from tests.newsletter import world
from tests.newsletter.events.conftest import SENT, a_delivery, an_edition

NOW = SENT + timedelta(days=40)
HOUR = timedelta(hours=1)


def said(delivery, kind, at=SENT + HOUR, name=""):
    """Return an event about a delivery."""
    return Heard(
        provider="postmark",
        kind=kind,
        said_at=at,
        fingerprint=f"{delivery.pk} {kind} {at} {name}",
        recipient=delivery.subscriber.address,
        delivery_id=delivery.pk,
    )


def tell(delivery, *kinds, now=NOW):
    """Store events and apply them."""
    store([said(delivery, kind) for kind in kinds], now)
    apply_due(now)
    delivery.refresh_from_db()


@pytest.mark.parametrize(
    ("kinds", "outcome"),
    [
        ([Kind.ACCEPTED], Outcome.UNKNOWN),
        ([Kind.DEFERRED, Kind.DELIVERED], Outcome.DELIVERED),
        ([Kind.CLICKED], Outcome.DELIVERED),
        ([Kind.HARD_BOUNCE, Kind.DELIVERED], Outcome.HARD_BOUNCE),
        ([Kind.SOFT_BOUNCE, Kind.BLOCKED], Outcome.BLOCKED),
        ([Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.OPENED], Outcome.COMPLAINED),
        ([Kind.DELIVERED, Kind.COMPLAINED, Kind.NOT_SPAM], Outcome.DELIVERED),
        ([Kind.SUBSCRIBED, Kind.UNKNOWN], Outcome.UNKNOWN),
        ([Kind.REFUSED], Outcome.REFUSED),
    ],
)
def test_the_strongest_event_is_the_outcome(delivery, kinds, outcome):
    for kind in reversed(kinds):
        tell(delivery, kind)
    assert delivery.outcome == outcome
    assert (delivery.outcome_at is None) == (outcome == Outcome.UNKNOWN)
    assert delivery.status == DeliveryStatus.SENT


def test_a_handled_event_names_no_address(delivery):
    tell(delivery, Kind.DELIVERED)
    event = ProviderEvent.objects.get()
    assert (event.recipient, event.handled_at) == ("", NOW)
    assert event.address_hash
    assert event.domain == "example.org"


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ([Kind.ACCEPTED], DeliveryStatus.SENT),
        ([Kind.DELIVERED], DeliveryStatus.SENT),
        ([Kind.HARD_BOUNCE], DeliveryStatus.SENT),
        ([Kind.REFUSED], DeliveryStatus.FAILED),
        ([Kind.REFUSED, Kind.ACCEPTED], DeliveryStatus.SENT),
        ([Kind.ACCEPTED, Kind.REFUSED], DeliveryStatus.SENT),
        ([Kind.UNKNOWN], DeliveryStatus.UNCERTAIN),
    ],
)
def test_an_event_settles_an_uncertain_delivery(edition, kinds, status):
    delivery = a_delivery(edition, world.a_reader(), DeliveryStatus.UNCERTAIN, papers=[3, 5])
    remember({delivery.subscriber_id: [3, 5]})
    for kind in kinds:
        tell(delivery, kind)
    assert delivery.status == status
    kept = mailed_among([delivery.subscriber_id], [3, 5]).get(delivery.subscriber_id, set())
    assert kept == (set() if status == DeliveryStatus.FAILED else {3, 5})
    assert MailedHistory.objects.count() == 1


def test_the_counts_of_a_batch_follow_what_an_event_settles(edition):
    delivery = a_delivery(edition, world.a_reader(), DeliveryStatus.UNCERTAIN, papers=[3])
    Batch.objects.update(state=BatchState.DONE)
    count_batches()
    assert counted(Batch.objects.all())["uncertain"] == 1
    tell(delivery, Kind.DELIVERED)
    found = counted(Batch.objects.all())
    assert (found["sent"], found["uncertain"]) == (1, 0)


def test_what_failed_for_another_reason_is_no_matter_of_events(edition):
    delivery = a_delivery(edition, world.a_reader(), DeliveryStatus.FAILED)
    tell(delivery, Kind.DELIVERED)
    assert (delivery.status, delivery.outcome) == (DeliveryStatus.FAILED, Outcome.DELIVERED)


def test_an_event_before_our_own_sent_waits_for_it(edition):
    delivery = a_delivery(edition, world.a_reader(), DeliveryStatus.CLAIMED)
    tell(delivery, Kind.DELIVERED)
    assert (delivery.status, delivery.outcome) == (DeliveryStatus.CLAIMED, Outcome.DELIVERED)
    assert ProviderEvent.objects.get().handled_at is None
    Delivery.objects.update(status=DeliveryStatus.SENT, settled_at=NOW)
    assert apply_due(NOW) == 0
    assert apply_due(NOW + LOOK_AGAIN) == 1


def test_an_event_that_came_before_the_sweep_settles_what_the_sweep_does_not_know(edition):
    delivery = a_delivery(edition, world.a_reader(), DeliveryStatus.CLAIMED)
    batch = delivery.batch
    batch.state, batch.token = "claimed", "0" * 32
    batch.lease_until, batch.cursor, batch.in_hand = SENT, 1, 1
    batch.save()
    tell(delivery, Kind.ACCEPTED)
    assert settle_expired(batch.pk, NOW)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.UNCERTAIN
    apply_due(NOW + LOOK_AGAIN)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.SENT


def test_events_of_an_erased_reader_and_of_nobody_are_applied(delivery):
    address = delivery.subscriber.address
    event = said(delivery, Kind.DELIVERED)
    erase_reader(delivery.subscriber, now=NOW)
    nobody = Heard("postmark", Kind.HARD_BOUNCE, SENT, "n", "nobody@example.net", 10**15, 10**15)
    store([event, nobody], NOW)
    assert apply_due(NOW) == 2
    delivery.refresh_from_db()
    assert delivery.outcome == Outcome.DELIVERED
    assert not ProviderEvent.objects.exclude(recipient="").exists()
    assert address.partition("@")[0] not in "".join(
        ProviderEvent.objects.values_list("raw", flat=True)
    )


def test_erasing_a_reader_forgets_events_of_the_address_that_name_no_delivery(delivery):
    event = said(delivery, Kind.SOFT_BOUNCE)
    event.delivery_id = None
    other = Heard("postmark", Kind.SOFT_BOUNCE, SENT, "o", "other@example.net")
    store([event, other], NOW)
    receipt = erase_reader(delivery.subscriber, now=NOW)
    assert receipt["provider_events"] == 1
    assert ProviderEvent.objects.get().domain == "example.net"


def test_one_event_that_cannot_be_applied_stops_no_other(edition, monkeypatch):
    deliveries = [a_delivery(edition, world.a_reader(number)) for number in range(1, 6)]
    poisoned = deliveries[2].pk
    apply = applying._apply_to_deliveries

    def failing(ids, now):
        if poisoned in ids:
            raise ValueError("poison")
        return apply(ids, now)

    monkeypatch.setattr(applying, "_apply_to_deliveries", failing)
    store([said(one, Kind.DELIVERED) for one in deliveries], NOW)
    assert apply_due(NOW) == 4
    event = ProviderEvent.objects.get(handled_at=None)
    assert (event.delivery_id, event.failures) == (poisoned, 1)
    assert event.due_at > NOW
    monkeypatch.undo()
    assert apply_due(event.due_at) == 1


def test_the_number_of_queries_does_not_grow_with_the_events(
    edition, settings, django_assert_max_num_queries
):
    settings.BREAKER_COMPLAINTS = settings.BREAKER_BOUNCES = 1000
    hash_keys(to_store=True)
    readers = [world.a_reader(number) for number in range(1, 31)]
    deliveries = [a_delivery(edition, reader, DeliveryStatus.UNCERTAIN) for reader in readers]
    kinds = [Kind.DELIVERED, Kind.HARD_BOUNCE, Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.SOFT_BOUNCE]
    events = [said(one, kinds[place % len(kinds)]) for place, one in enumerate(deliveries)]

    def asked(some):
        store(some, NOW)
        with django_assert_max_num_queries(500) as seen:
            assert apply_due(NOW) == len(some)
        return len([one for one in seen if not one["sql"].startswith("INSERT")])

    few = asked(events[:5])
    assert asked(events[5:]) == few


def a_life(deliveries):
    """Return the events of some readers' mails: good and bad ones, answered complaints too."""
    first, second, third, fourth = deliveries
    return [
        said(first, Kind.ACCEPTED, SENT),
        said(first, Kind.DEFERRED, SENT + HOUR),
        said(first, Kind.DELIVERED, SENT + 2 * HOUR),
        said(first, Kind.OPENED, SENT + 3 * HOUR),
        said(first, Kind.COMPLAINED, SENT + 4 * HOUR),
        said(first, Kind.NOT_SPAM, SENT + 48 * HOUR),
        said(second, Kind.REFUSED, SENT),
        said(second, Kind.ACCEPTED, SENT + HOUR),
        said(third, Kind.HARD_BOUNCE, SENT + 2 * HOUR),
        said(third, Kind.DELIVERED, SENT + HOUR),
        said(fourth, Kind.COMPLAINED, SENT + HOUR),
        said(fourth, Kind.UNSUBSCRIBED, SENT + 2 * HOUR),
        *(
            said(second, Kind.SOFT_BOUNCE, SENT + timedelta(days=day), str(day))
            for day in (1, 2, 3, 4, 5, 6)
        ),
    ]


def four_deliveries(edition):
    return [
        a_delivery(edition, world.a_reader(number), status, papers=[number])
        for number, status in enumerate(
            [
                DeliveryStatus.SENT,
                DeliveryStatus.UNCERTAIN,
                DeliveryStatus.SENT,
                DeliveryStatus.UNCERTAIN,
            ],
            start=1,
        )
    ]


def state_of_all():
    """Return what events have come to."""
    return [
        *Delivery.objects.order_by("pk").values_list(
            "pk", "status", "reason", "outcome", "outcome_at"
        ),
        *ProviderEvent.objects.order_by("fingerprint").values_list("fingerprint", "recipient"),
        *Suppression.objects.order_by("address_hash", "reason").values_list(
            "address_hash", "reason", "at", "lifted_at"
        ),
        *Subscriber.objects.order_by("pk").values_list("pk", "state", "suppressed_at"),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_life_replayed_in_any_order_ends_the_same(edition, seed):
    life = a_life(four_deliveries(edition))
    store(life, NOW)
    apply_due(NOW)
    expected = state_of_all()
    before = list(Delivery.objects.order_by("pk"))
    shuffle = random.Random(seed)
    for _replay in range(7):
        ProviderEvent.objects.all().delete()
        Suppression.objects.all().delete()
        Subscriber.objects.update(state="active", suppressed_at=None, left_at=None)
        Delivery.objects.update(outcome="", outcome_at=None)
        for delivery in before[1], before[3]:
            Delivery.objects.filter(pk=delivery.pk).update(
                status=DeliveryStatus.UNCERTAIN, reason="lost"
            )
        again = life * 2
        shuffle.shuffle(again)
        while again:
            some = [again.pop() for _one in range(min(len(again), shuffle.randint(1, 9)))]
            store(some, NOW)
            apply_due(NOW)
        assert state_of_all() == expected
    for _replay in range(20):
        store(life, NOW)
        apply_due(NOW)
    assert state_of_all() == expected


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_life_told_twenty_times_in_parallel_ends_the_same(transactional_db):
    life = a_life(four_deliveries(an_edition()))

    def replay(seed):
        again = [*life]
        random.Random(seed).shuffle(again)
        try:
            store(again, NOW)
            apply_due(NOW)
        finally:
            connections.close_all()

    if connection.vendor == "sqlite":  # it takes one writer at a time
        for seed in range(20):
            store(random.Random(seed).sample(life, len(life)), NOW)
            apply_due(NOW)
    else:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(replay, range(20)))
    apply_due(NOW + LOOK_AGAIN)
    statuses = [*Delivery.objects.order_by("pk").values_list("status", "outcome")]
    assert statuses == [
        ("sent", "delivered"),
        ("sent", "soft_bounce"),
        ("sent", "hard_bounce"),
        ("sent", "complained"),
    ]
    assert not ProviderEvent.objects.filter(handled_at=None).exists()
    assert ProviderEvent.objects.count() == len(life)
    assert REFUSED_BY_EVENT not in Delivery.objects.values_list("reason", flat=True)
