"""A history of readings keeps every change, in whatever order the readings arrive."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.history import merged, value_at
from ingest.sighting import Reading

START = datetime(2025, 1, 9, tzinfo=UTC)


def at(hours, votes, comments=None):
    return Reading(START + timedelta(hours=hours), votes=votes, comments=comments)


def test_a_reading_that_changes_nothing_is_not_kept():
    assert merged([at(0, 5)], START, [at(1, 5), at(2, 6)]) == (at(0, 5), at(2, 6))


def test_a_late_reading_of_an_earlier_instant_moves_the_change_back():
    assert merged([at(2, 5)], START + timedelta(hours=2), [at(1, 5)]) == (at(1, 5),)


def test_a_late_reading_does_not_hide_what_was_read_after_it():
    history = merged([at(0, 5)], START + timedelta(hours=4), [at(2, 7)])
    assert history == (at(0, 5), at(2, 7), at(4, 5))


def test_a_count_that_a_reading_does_not_say_is_taken_from_the_one_before():
    assert merged([at(0, 5, 2)], START, [at(1, 6)]) == (at(0, 5, 2), at(1, 6, 2))


def test_the_value_at_an_instant_is_the_newest_not_after_it():
    history = (at(0, 5), at(2, 7))
    values = [value_at(history, START + timedelta(hours=hours)) for hours in (-1, 0, 1, 2, 3)]
    assert values == [None, at(0, 5), at(0, 5), at(2, 7), at(2, 7)]


READINGS = st.lists(st.builds(at, st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=12)


@given(READINGS)
def test_readings_at_once_give_every_value_back_at_its_instant(readings):
    history = merged((), None, readings)
    for reading in readings:
        highest = max(other.votes for other in readings if other.seen_at == reading.seen_at)
        assert value_at(history, reading.seen_at).votes == highest


@given(READINGS, READINGS)
def test_the_newest_value_is_right_whichever_part_came_first(one, other):
    def told(first, second):
        history = merged((), None, first)
        return merged(history, max(reading.seen_at for reading in first), second)

    newest = max(reading.seen_at for reading in [*one, *other])
    assert value_at(told(one, other), newest) == value_at(told(one, other), newest)
    assert value_at(told(one, other), newest).votes == value_at(told(other, one), newest).votes
