"""Demo readers are confirmed without asking, so they exist in demos only."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import Consent, Subscriber, SubscriberState

pytestmark = pytest.mark.django_db


def test_the_readers_of_the_project_load_once_and_are_confirmed():
    call_command("load_topics", stdout=StringIO())
    out = StringIO()
    call_command("load_demo_readers", "--now", "2025-01-13T04:00:00Z", stdout=out)
    call_command("load_demo_readers", "--now", "2025-01-14T04:00:00Z", stdout=out)
    assert out.getvalue().splitlines() == [
        "12 demo readers new, 0 already there.",
        "0 demo readers new, 12 already there.",
    ]
    readers = Subscriber.objects.all()
    assert {(reader.state, reader.confirmed_at) for reader in readers} == {
        (SubscriberState.ACTIVE, datetime(2025, 1, 13, 4, tzinfo=UTC))
    }
    assert Consent.objects.count() == 12
    assert all(reader.profile.topics for reader in readers)


def test_production_refuses_them(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        call_command("load_demo_readers")


def test_one_wrong_reader_is_named_and_none_is_stored(tmp_path):
    call_command("load_topics", stdout=StringIO())
    good = {
        "email": "ada@example.org",
        "topics": ["vision"],
        "phrases": [],
        "muted": [],
        "timezone": "UTC",
        "hour": 7,
        "cadence": "daily",
        "papers_per_digest": 5,
        "minimum_votes": 0,
        "balance": 20,
        "language": "en",
    }
    path = tmp_path / "readers.json"
    path.write_text(
        json.dumps([good, good | {"email": "bob@example.org", "hour": 24}]), encoding="utf-8"
    )
    with pytest.raises(CommandError, match="reader 2"):
        call_command("load_demo_readers", path)
    assert not Subscriber.objects.exists()


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(CommandError, match="offset"):
        call_command("load_demo_readers", "--now", "2025-01-13T04:00:00")
