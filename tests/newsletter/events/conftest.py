"""An instance that every provider may post to, and an edition that was sent to some readers."""

import pytest

from newsletter.models import DeliveryStatus, Edition, EditionState
from tests.newsletter import world
from tests.newsletter.events.payloads import ANYMAIL

SENT = world.FREEZE


@pytest.fixture(autouse=True)
def every_provider(settings, monkeypatch):
    """Configure all providers; Amazon's needs a package that is not installed here, for settings
    that events do not use.
    """
    settings.ANYMAIL = dict(ANYMAIL)
    monkeypatch.setattr(
        "anymail.webhooks.amazon_ses._get_anymail_boto3_params", lambda **_more: ({}, {})
    )


def an_edition(day=world.DAY, **fields) -> Edition:
    """Store an edition that is being sent. No event looks at its papers or statistics."""
    return Edition.objects.create(
        cadence="daily",
        day=day,
        nominal_at=SENT,
        candidate_days=5,
        opened_at=SENT,
        frozen_at=SENT,
        planned_at=SENT,
        statistics=b"-",
        **{"state": EditionState.SENDING} | fields,
    )


@pytest.fixture
def edition(db) -> Edition:
    return an_edition()


def a_delivery(edition, reader, status=DeliveryStatus.SENT, **fields):
    """Store a delivery of an edition to a reader, in a batch of its own."""
    batch = edition.batches.create(slot_at=SENT, send_after=SENT, state="done")
    if status in (DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN):
        fields.setdefault("reason", "the answer was lost")
    if status != DeliveryStatus.CLAIMED:
        fields.setdefault("settled_at", SENT)
    return edition.deliveries.create(
        subscriber=reader, batch=batch, status=status, claimed_at=SENT, **fields
    )


@pytest.fixture
def delivery(edition):
    return a_delivery(edition, world.a_reader())
