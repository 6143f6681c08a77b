"""A stored time zone works on when its name disappears from the time zone database."""

from zoneinfo import available_timezones

import pytest

from subscriptions.schedule import is_zone, local_zone, offered_timezones


@pytest.mark.parametrize("name", sorted(available_timezones())[::25])
def test_a_zone_of_the_database_is_itself(name):
    assert local_zone(name).key == name


@pytest.mark.parametrize(
    ("retired", "present"),
    [
        ("US/Pacific-New", "America/Los_Angeles"),
        ("Canada/East-Saskatchewan", "America/Regina"),
    ],
)
def test_a_retired_name_means_the_zone_that_replaced_it(retired, present):
    assert retired not in available_timezones()
    assert local_zone(retired).key == present
    assert is_zone(retired)


@pytest.mark.parametrize(
    "name",
    ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "America", "a\0b", "\ud800", "x" * 5000],
)
def test_a_name_that_no_zone_has_means_utc(name):
    assert local_zone(name).key == "UTC"
    assert not is_zone(name)


def test_every_zone_on_offer_exists_and_is_offered_once():
    offered = offered_timezones()
    assert {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia"} <= offered
    assert offered <= available_timezones()
