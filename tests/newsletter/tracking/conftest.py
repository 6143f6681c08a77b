"""One digest that was handed over at the freeze, read a while later."""

from datetime import timedelta

import pytest

from newsletter.editions.archive import refit
from newsletter.models import DeliveryStatus
from newsletter.sending import frozen
from tests.newsletter import world

SUBJECTS = ("Protein folding", "Traffic jams", "Glacier melt", "Chess endgames", "Bee colonies")
HANDED_OVER = world.FREEZE + timedelta(hours=3)


@pytest.fixture
def delivery(db):
    """A digest of five papers, each on another subject, in an archive that has met every subject
    before.
    """
    frozen.forget()
    world.a_topic()
    for number, subject in enumerate(SUBJECTS, start=1):
        abstract = f"We study {subject.lower()} and how {subject.lower()} change."
        world.a_paper(number, title=f"{subject} with graph networks", abstract=abstract)
        world.a_paper(
            50 + number,
            title=f"{subject} of old",
            abstract=abstract,
            day=world.DAY - timedelta(days=40),
        )
    refit(world.FREEZE)
    edition = world.a_frozen_edition()
    reader = world.a_reader()
    batch = edition.batches.create(slot_at=HANDED_OVER, send_after=HANDED_OVER)
    return edition.deliveries.create(
        subscriber=reader,
        batch=batch,
        status=DeliveryStatus.SENT,
        profile=reader.profile,
        papers=sorted(edition.candidates.values_list("paper_id", flat=True)),
        parts=[[0, 0, 0, 0, 0]] * 5,
        claimed_at=HANDED_OVER,
        settled_at=HANDED_OVER,
    )
