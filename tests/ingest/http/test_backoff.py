"""Backing off: any time up to a bound that doubles, five tries, then no more until the schedule."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.backoff import BASE, LONGEST_PAUSE, TRIES, pause


def almost_one():
    return 1 - 2**-53


def test_the_bound_doubles_with_each_failure():
    assert [round(pause(failures, almost_one).total_seconds()) for failures in range(1, TRIES)] == [
        2,
        4,
        8,
        16,
    ]


def test_the_bound_never_passes_five_minutes():
    pauses = [
        pause(failures, almost_one, base=timedelta(minutes=1)) for failures in range(1, TRIES)
    ]
    assert [round(each.total_seconds()) for each in pauses] == [60, 120, 240, 300]


def test_after_five_failures_we_give_up():
    assert pause(TRIES - 1, almost_one) is not None
    assert pause(TRIES, almost_one) is None
    assert pause(TRIES + 1000, almost_one) is None


def test_the_jitter_is_full():
    draw = Random(3).random
    pauses = [pause(4, draw).total_seconds() for _ in range(2000)]
    assert min(pauses) < 0.1
    assert max(pauses) > 15.9
    assert 7.5 < sum(pauses) / len(pauses) < 8.5


@given(st.integers(1, TRIES - 1), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_within_its_bounds(failures, drawn):
    assert (
        timedelta()
        <= pause(failures, lambda: drawn)
        <= min(LONGEST_PAUSE, BASE * 2 ** (failures - 1))
    )


def test_a_pause_follows_a_failure():
    with pytest.raises(ValueError, match="follows a failure"):
        pause(0, almost_one)
