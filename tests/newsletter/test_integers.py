"""Lists of whole numbers come back as they were written, on either database."""

import pytest
from django.core import serializers

from newsletter.models import Delivery, DeliveryStatus
from tests.newsletter.world import NOON, a_planned_edition, a_reader, papers

pytestmark = pytest.mark.django_db

PAPERS = [3, 2**40, 1]
PARTS = [[1, 2, 3, 4, -5], [10_000, 0, 0, 0, 0], [0, 0, 0, 0, 1]]


@pytest.fixture
def delivery() -> Delivery:
    papers(1)
    reader, edition = a_reader(), a_planned_edition()
    row = {"batch": edition.batches.get(), "status": DeliveryStatus.SENT, "claimed_at": NOON}
    return Delivery.objects.create(
        edition=edition,
        subscriber=reader,
        papers=PAPERS,
        parts=[tuple(one) for one in PARTS],
        **row,
    )


def stored() -> tuple[list[int], list[list[int]]]:
    row = Delivery.objects.get()
    return row.papers, row.parts


def test_lists_are_created_and_updated(delivery):
    assert stored() == (PAPERS, PARTS)
    Delivery.objects.update(papers=[7], parts=[[0, 0, 0, 0, 0]])
    assert stored() == ([7], [[0, 0, 0, 0, 0]])
    Delivery.objects.update(papers=[], parts=[])
    assert stored() == ([], [])


def test_they_are_read_as_values_and_found_in_fixtures(delivery):
    assert Delivery.objects.values_list("papers", "parts").get() == (PAPERS, PARTS)
    [again] = serializers.deserialize("json", serializers.serialize("json", [delivery]))
    Delivery.objects.all().delete()
    again.save()
    assert stored() == (PAPERS, PARTS)
