"""Which item is at fault is found, and an exception is described without what it quotes."""

import pytest
from django.db import DataError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from newsletter.faults import bisect, describe, isolated
from newsletter.ranking.taste import UnreadableTaste, read


def doubled(numbers):
    """Refuse a batch with a number below 0 in it."""
    if any(number < 0 for number in numbers):
        raise ValueError(numbers)
    return [2 * number for number in numbers]


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_each_item_gets_its_own_result_or_its_own_exception(numbers):
    for number, found in zip(numbers, bisect(doubled, numbers), strict=True):
        if number < 0:
            assert found.args == ([number],)
        else:
            assert found == 2 * number


def test_work_that_fails_without_any_item_raises():
    def broken(_items):
        raise ValueError("not for nothing")

    with pytest.raises(ValueError, match="not for nothing"):
        bisect(broken, [])


@pytest.mark.parametrize("error", [DataError("a"), OperationalError("b"), MemoryError()])
def test_trouble_that_is_no_items_is_raised(error):
    def broken(_items):
        raise error

    with pytest.raises(type(error)):
        bisect(broken, [1, 2])


def test_an_exception_of_ours_is_described_by_its_words():
    with pytest.raises(UnreadableTaste) as caught:
        read(b"x")
    assert describe(caught.value) == f"UnreadableTaste: {caught.value}"


def test_any_other_exception_is_described_by_its_type_and_its_place():
    with pytest.raises(KeyError) as caught:
        {}["reader@example.org"]
    assert describe(caught.value).startswith("KeyError at tests/newsletter/test_faults.py:")
    assert describe(KeyError("reader@example.org")) == "KeyError"


def test_a_loop_goes_on_past_one_rows_exception():
    done = []
    for number in (1, 0, 2):
        with isolated("not_done", number=number):
            done.append(2 / number)
    assert done == [2.0, 1.0]


def test_a_loop_ends_when_the_database_is_away():
    with pytest.raises(OperationalError), isolated("not_done"):
        raise OperationalError("the connection is gone")
