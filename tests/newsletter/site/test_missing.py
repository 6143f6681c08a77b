"""A day without an edition says so on the front page and in the archive."""

from datetime import timedelta

import pytest

from newsletter.models import Edition
from newsletter.site.missing import missing_days, missing_today
from tests.newsletter import world

pytestmark = pytest.mark.django_db
TODAY = world.FREEZE + timedelta(days=1)
SOON = TODAY + timedelta(hours=1)


@pytest.fixture
def edition():
    world.papers(3)
    return world.a_frozen_edition()


def test_nothing_is_missing_on_the_day_of_an_edition_nor_before_there_ever_was_one(edition):
    assert missing_today(world.NOON) is None
    assert missing_days(world.FREEZE) == []


def test_an_edition_may_be_in_the_making_for_half_an_hour(edition):
    assert missing_today(TODAY + timedelta(minutes=29)) is None
    assert missing_today(TODAY + timedelta(minutes=30)).day == TODAY.date()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("held", "holding it back"),
        ("cancelled", "cancelled"),
        ("open", "in time"),
        (None, "in time"),
    ],
)
def test_a_missing_edition_comes_with_its_reason(edition, client, time_machine, state, words):
    if state:
        Edition.objects.create(
            cadence="daily",
            day=TODAY.date(),
            nominal_at=TODAY,
            candidate_days=3,
            opened_at=TODAY,
            state=state,
            held_reason="no source",
        )
    time_machine.move_to(SOON, tick=False)
    for page in ("/", "/editions/"):
        content = client.get(page).content.decode()
        assert "15 January 2026" in content
        assert words in content
        assert "no source" not in content


def test_the_front_page_does_not_miss_a_day_when_it_shows_the_edition_of_a_later_one(
    edition, client, time_machine
):
    world.a_frozen_edition(day=TODAY.date() + timedelta(days=1))
    time_machine.move_to(SOON, tick=False)
    front = client.get("/").content.decode()
    assert "16 January 2026" in front
    assert "There is no edition" not in front
    assert (
        "There is no edition for Thursday, 15 January 2026"
        in client.get("/editions/").content.decode()
    )
