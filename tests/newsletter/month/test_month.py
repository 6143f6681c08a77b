"""A month of the whole product: nothing comes twice, every paper has its reason, and every score adds up again."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from newsletter.editions import pickup
from newsletter.sending import frozen, press, ration
from subscriptions.demo_readers import load_demo_readers
from subscriptions.models import Subscriber
from subscriptions.topics import load_topics
from tests.newsletter import world
from tests.newsletter.month.days import made_up_days, real_days
from tests.newsletter.month.findings import look_at_everything
from tests.newsletter.month.life import live, read_lists

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(3600)]
SEEDS = Path(settings.BASE_DIR) / "seeds"


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch):
    frozen.forget()
    press.forget()
    pickup._learned.cache_clear()
    monkeypatch.setattr(ration, "LONGEST_WAIT", timedelta(0))


def through(days, opinionated):
    """Live from the day after the first list to the day after the last."""
    lists = {listed.day: listed for listed in days}
    day = days[0].day
    while day <= days[-1].day + timedelta(days=1):
        live(day, lists.get(day), opinionated)
        day += timedelta(days=1)
    return look_at_everything()


def nothing_wrong(found):
    assert found.repeats == []
    assert found.without_reason == []
    assert found.generic == []
    assert found.other_parts == []
    assert found.unbalanced == []


def test_two_weeks_of_made_up_lists():
    topics = [world.a_topic(subject.title(), (subject,)) for subject in world.SUBJECTS[:8]]
    readers = [
        world.a_reader(1, profile=world.a_profile(topics=(topics[0].pk, topics[1].pk), papers_per_digest=4)),
        world.a_reader(2, hour=22, timezone="Asia/Tokyo", profile=world.a_profile(topics=(topics[2].pk,), phrases=("glaciers",))),
        world.a_reader(3, cadence="weekly", profile=world.a_profile(topics=(), balance=100)),
        world.a_reader(4, cadence="weekdays", hour=0, profile=world.a_profile(topics=(), muted=("music",), balance=50)),
    ]
    found = through(made_up_days(date(2026, 1, 5), 10), readers[:1])
    nothing_wrong(found)
    assert found.digests >= 25
    assert found.coverage["reader1@example.org"] == (2, 2)
    assert Subscriber.objects.select_related("profile").get(pk=readers[0].pk).profile.taste


def test_a_month_of_real_lists_for_the_demo_readers(shared_folder):
    listed = real_days(shared_folder, until=date(2026, 1, 1), count=22 + 40)
    first = listed[40].day
    load_topics(SEEDS / "topics.json")
    load_demo_readers(SEEDS / "readers.json", now=datetime.combine(first, datetime.min.time(), UTC) - timedelta(days=1))
    for earlier in listed[:40]:
        read_lists(earlier)
    readers = list(Subscriber.objects.order_by("pk"))
    found = through(listed[40:], readers[:4])
    nothing_wrong(found)
    assert found.digests > 22 * len(readers) // 2
    assert all(served == possible for served, possible in found.coverage.values())
