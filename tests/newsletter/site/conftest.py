"""Readers' pages are tested against one frozen edition."""

import pytest

from newsletter.models import DeliveryStatus
from newsletter.sending import frozen, press
from tests.newsletter import world


@pytest.fixture(autouse=True)
def forgotten_editions():
    """Another test's edition may have had the same number."""
    frozen.forget()
    press.forget()


@pytest.fixture
def edition(db):
    """A frozen edition of eleven papers."""
    world.a_topic()
    world.papers(11)
    return world.a_frozen_edition()


@pytest.fixture
def delivery(edition):
    """A digest of three papers that one reader was sent."""
    reader = world.a_reader()
    batch = edition.batches.create(slot_at=world.NOON, send_after=world.NOON)
    return edition.deliveries.create(
        subscriber=reader,
        batch=batch,
        status=DeliveryStatus.SENT,
        profile=reader.profile,
        papers=list(edition.candidates.values_list("paper_id", flat=True)[:3]),
        parts=[[0, 0, 0, 0, 0]] * 3,
        claimed_at=world.NOON,
    )
