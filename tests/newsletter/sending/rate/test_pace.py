"""A throttled provider is left alone, then asked more slowly, then as fast as before."""

import math
from datetime import timedelta

import pytest

from newsletter.sending.rate.pace import (
    ASSUMED_CEILING,
    LEAST_REST,
    LONGEST_REST,
    RECOVERY,
    REST,
    Pace,
)
from tests.newsletter.sending.rate.simulation import START

CEILING = 50.0


def test_without_throttling_the_ceiling_holds():
    assert Pace().current(START, CEILING) == CEILING
    assert Pace().pause(START) is None


def test_a_throttling_pauses_and_cuts_the_rate():
    pace = Pace().throttled(START, None, CEILING)
    assert pace.pause(START) == START + REST
    assert pace.pause(START + REST) is None
    assert pace.current(START + REST, CEILING) == pytest.approx(0.7 * CEILING)


def test_the_provider_says_how_long_the_pause_is():
    assert Pace().throttled(START, START + timedelta(minutes=7), CEILING).pause(
        START
    ) == START + timedelta(minutes=7)


def test_an_absurd_pause_is_cut_to_an_hour():
    assert (
        Pace().throttled(START, START + timedelta(days=400), CEILING).pause(START)
        == START + LONGEST_REST
    )


@pytest.mark.parametrize("ago", [0, 60])
def test_a_pause_that_is_over_when_it_is_asked_for_holds_a_second(ago):
    assert (
        Pace().throttled(START, START - timedelta(seconds=ago), CEILING).pause(START)
        == START + LEAST_REST
    )


def test_sixteen_connections_that_are_told_to_try_again_now_cut_the_rate_once():
    pace = Pace()
    for number in range(16):
        pace = pace.throttled(START + timedelta(milliseconds=number), START, CEILING)
    assert pace.rate == pytest.approx(0.7 * CEILING)


def test_signals_of_the_same_moment_cut_once_and_keep_the_longest_pause():
    pace = Pace().throttled(START, START + timedelta(seconds=30), CEILING)
    again = pace.throttled(START + timedelta(seconds=1), None, CEILING)
    assert again == pace


def test_throttling_again_and_again_never_stops_everything():
    pace, now = Pace(), START
    for _ in range(40):
        pace = pace.throttled(now, None, CEILING)
        now += REST
    assert pace.current(now, CEILING) >= CEILING / 64


def test_the_rate_grows_back_evenly():
    pace = Pace().throttled(START, None, CEILING)
    resumed = START + REST
    grown = [pace.current(resumed + RECOVERY * part / 10, CEILING) for part in range(5)]
    assert grown == pytest.approx([0.7 * CEILING, 0.8 * CEILING, 0.9 * CEILING, CEILING, CEILING])


def test_without_a_ceiling_the_limit_is_lifted_once_grown_back():
    pace = Pace().throttled(START, None, 0)
    assert pace.current(START + REST, 0) == pytest.approx(0.7 * ASSUMED_CEILING)
    assert math.isinf(pace.current(START + REST + RECOVERY, 0))


def test_a_pause_set_by_another_clock_is_not_waited_for():
    pace = Pace().throttled(START + timedelta(days=30), None, CEILING)
    assert pace.pause(START) is None
