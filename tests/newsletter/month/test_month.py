"""Two weeks of the whole product: nothing comes twice, every paper has its reason, and every
score adds up again.
"""

from datetime import date, timedelta

import pytest

from newsletter.editions import pickup
from newsletter.sending import frozen, press, ration
from subscriptions.models import Subscriber
from tests.newsletter import world
from tests.newsletter.month.findings import look_at_everything
from tests.newsletter.month.life import calendar, live
from tests.newsletter.month.made_up import made_up_days

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch):
    frozen.forget()
    press.forget()
    pickup._learned.cache_clear()
    monkeypatch.setattr(ration, "LONGEST_WAIT", timedelta(0))


def test_two_weeks_of_made_up_lists():
    topics = [world.a_topic(subject.title(), (subject,)) for subject in world.SUBJECTS[:8]]
    readers = [
        world.a_reader(
            1, profile=world.a_profile(topics=(topics[0].pk, topics[1].pk), papers_per_digest=4)
        ),
        world.a_reader(
            2,
            hour=22,
            timezone="Asia/Tokyo",
            profile=world.a_profile(topics=(topics[2].pk,), phrases=("glaciers",)),
        ),
        world.a_reader(3, cadence="weekly", profile=world.a_profile(topics=(), balance=100)),
        world.a_reader(
            4,
            cadence="weekdays",
            hour=0,
            profile=world.a_profile(topics=(), muted=("music",), balance=50),
        ),
    ]
    for day, listed in calendar(made_up_days(date(2026, 1, 5), 10)):
        live(day, listed, readers[:1])
    found = look_at_everything()
    assert not any(found.faults.values()), found.faults
    assert found.digests >= 25
    assert found.coverage["reader1@example.org"] == (2, 2)
    assert Subscriber.objects.select_related("profile").get(pk=readers[0].pk).profile.taste
