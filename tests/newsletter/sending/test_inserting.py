"""Deliveries are inserted in bulk exactly as they were given, on either database."""

import pytest
from django.db import IntegrityError, transaction

from newsletter.models import Delivery, DeliveryStatus, Edition, Ids
from newsletter.ranking.values import Parts, Pick
from newsletter.sending.inserting import NewDelivery, insert_deliveries
from subscriptions.models import Subscriber
from tests.newsletter.world import NOON, a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db

REASONS = [
    "plain",
    "a\ttab",
    "a\\back\\slash",
    "two\nlines\r\n",
    "\\N",
    "\\.",
    "“quoted” ✓",
    "it's; DROP",
]


@pytest.fixture
def edition() -> Edition:
    papers(3)
    readers(len(REASONS))
    return a_planned_edition()


def test_every_value_arrives_as_it_was(edition):
    batch, ids = (
        edition.batches.get(),
        list(Subscriber.objects.order_by("pk").values_list("pk", flat=True)),
    )
    picks = [Pick(paper, Parts(1, 2, 3, 4, -5), (), "lead", None) for paper in (3, 1)]
    rows = [
        NewDelivery(
            pk, DeliveryStatus.SKIPPED, place, reason, None, picks, NOON if place % 2 else None
        )
        for place, (pk, reason) in enumerate(zip(ids, REASONS, strict=True))
    ]
    keys = insert_deliveries(edition.pk, batch.pk, rows, NOON)
    found = Delivery.objects.in_bulk(keys)
    for key, row in zip(keys, rows, strict=True):
        written = found[key]
        assert (written.subscriber_id, written.position, written.reason) == (
            row.subscriber_id,
            row.position,
            row.reason,
        )
        assert (written.papers, written.parts) == ([3, 1], [[1, 2, 3, 4, -5]] * 2)
        assert (written.settled_at, written.claimed_at, written.attempts, written.outcome) == (
            row.settled_at,
            NOON,
            0,
            "",
        )


def test_a_second_delivery_of_an_edition_is_refused_with_all_rows_beside_it(edition):
    batch, [first, second, *_] = edition.batches.get(), Subscriber.objects.order_by("pk")
    insert_deliveries(edition.pk, batch.pk, [NewDelivery(first.pk, DeliveryStatus.CLAIMED)], NOON)
    rows = [
        NewDelivery(second.pk, DeliveryStatus.CLAIMED),
        NewDelivery(first.pk, DeliveryStatus.CLAIMED),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_deliveries(edition.pk, batch.pk, rows, NOON)
    assert Delivery.objects.count() == 1


def test_nothing_is_nothing(edition):
    assert insert_deliveries(edition.pk, edition.batches.get().pk, [], NOON) == []


def test_ids_are_looked_for_as_one_value(edition):
    ids = list(Subscriber.objects.order_by("pk").values_list("pk", flat=True))
    assert set(
        Subscriber.objects.filter(pk__among=Ids(ids[:3])).values_list("pk", flat=True)
    ) == set(ids[:3])
    assert not Subscriber.objects.filter(pk__among=Ids([])).exists()
    assert edition.batches.count() == 1
