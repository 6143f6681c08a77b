"""The slot rule, through every change of clocks."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sending.slots import slot, wants

ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"}))
NOMINALS = st.integers(0, 7 * 366 * 24).map(
    lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@given(NOMINALS, st.integers(0, 23), ZONES)
def test_a_slot_is_the_wanted_local_hour_at_or_after_the_nominal_instant(nominal, hour, zone):
    due = slot(nominal, hour, zone)
    assert nominal <= due < nominal + timedelta(hours=26)
    here = ZoneInfo(zone)
    local = due.astimezone(here)
    if (local.hour, local.minute) != (hour, 0):
        wanted = datetime.combine(local.date(), time(hour), here)
        assert wanted.astimezone(UTC) == due, "moved by no gap"
        assert wanted.astimezone(UTC).astimezone(here).replace(fold=0) != wanted, (
            "the wanted hour exists"
        )


@given(NOMINALS, st.integers(0, 23), ZONES)
def test_there_is_no_earlier_one_but_what_summer_time_puts_before_the_instant(nominal, hour, zone):
    due = slot(nominal, hour, zone)
    here = ZoneInfo(zone)
    in_summer = max(
        (nominal + timedelta(days=day)).astimezone(here).utcoffset() for day in range(-183, 184)
    )
    moment = nominal
    while moment < due:
        local = moment.astimezone(here)
        if (local.hour, local.minute, local.fold) == (hour, 0, 0):
            assert moment - nominal < in_summer - local.utcoffset()
        moment += timedelta(minutes=15)


@given(NOMINALS, st.integers(0, 23), ZONES)
def test_a_later_edition_is_never_due_before_an_earlier_one(nominal, hour, zone):
    assert slot(nominal, hour, zone) <= slot(nominal + timedelta(days=1), hour, zone)


@given(st.integers(0, 23), st.integers(0, 23), ZONES)
def test_a_year_has_one_digest_on_each_local_day(nominal_hour, hour, zone):
    slots = [
        slot(utc(2026, 1, 1, nominal_hour) + timedelta(days=day), hour, zone) for day in range(366)
    ]
    local = [due.astimezone(ZoneInfo(zone)) for due in slots]
    # In Greenland the clocks go from 23:00 to midnight: that digest is the last of the old day, an
    # hour late.
    days = [(due - timedelta(hours=due.hour != hour)).date() for due in local]
    assert [after - before for before, after in pairwise(days)] == [timedelta(days=1)] * 365


def test_an_hour_that_summer_time_carries_over_the_instant_is_the_next_days_all_year():
    assert slot(utc(2026, 10, 24, 5), 6, "Europe/Berlin") == utc(2026, 10, 25, 5)
    assert slot(utc(2026, 10, 25, 5), 6, "Europe/Berlin") == utc(2026, 10, 26, 5)
    assert slot(utc(2026, 3, 28, 5), 6, "Europe/Berlin") == utc(2026, 3, 29, 4)
    assert slot(utc(2026, 3, 29, 5), 6, "Europe/Berlin") == utc(2026, 3, 30, 4)


def test_an_hour_that_the_clocks_leave_out_moves_forward():
    assert slot(utc(2026, 3, 28, 5), 2, "Europe/Berlin") == utc(2026, 3, 29, 1)  # 03:00 summer time


def test_of_an_hour_that_comes_twice_the_first_counts():
    assert slot(utc(2026, 10, 24, 5), 2, "Europe/Berlin") == utc(2026, 10, 25, 0)


@pytest.mark.parametrize(
    ("nominal", "due"),
    [
        (utc(2028, 2, 28, 5), utc(2028, 2, 29, 3)),
        (utc(2028, 2, 29, 5), utc(2028, 3, 1, 3)),
        (utc(2026, 12, 31, 5), utc(2027, 1, 1, 3)),
    ],
)
def test_leap_days_and_the_end_of_the_year_are_days_like_others(nominal, due):
    assert slot(nominal, 3, "UTC") == due


def test_the_nominal_instant_itself_is_a_slot():
    assert slot(utc(2026, 1, 14, 5), 5, "UTC") == utc(2026, 1, 14, 5)
    assert slot(utc(2026, 1, 14, 5), 4, "UTC") == utc(2026, 1, 15, 4)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "America"])
def test_a_zone_that_does_not_exist_keeps_no_mail_back(zone):
    assert slot(utc(2026, 1, 14, 5), 8, zone) == utc(2026, 1, 14, 8)


def test_a_retired_zone_is_the_one_that_replaced_it():
    at = utc(2026, 1, 14, 5)
    assert slot(at, 8, "US/Pacific-New") == slot(at, 8, "America/Los_Angeles")
    still_friday_there = utc(2026, 1, 17, 1)
    assert wants("weekdays", "daily", still_friday_there, "US/Pacific-New")


def test_weekdays_means_the_local_weekday_of_the_slot():
    friday_evening = slot(utc(2026, 1, 16, 5), 20, "UTC")
    saturday_morning_in_auckland = slot(utc(2026, 1, 16, 5), 8, "Pacific/Auckland")
    assert wants("weekdays", "daily", friday_evening, "UTC")
    assert not wants("weekdays", "daily", saturday_morning_in_auckland, "Pacific/Auckland")


@pytest.mark.parametrize(
    ("cadence", "edition"), [("daily", "weekly"), ("weekdays", "weekly"), ("weekly", "daily")]
)
def test_nobody_wants_an_edition_of_another_cadence(cadence, edition):
    assert not wants(cadence, edition, utc(2026, 1, 14, 8), "UTC")
