"""The token bucket lets a rate through in every second, and its two forms decide alike."""

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.sending.rate.bucket import Level, RedisAway, Shape, shape_of
from tests.newsletter.sending.rate.simulation import START

STEPS = st.lists(
    st.tuples(st.integers(-200_000_000, 200_000_000), st.integers(1, 500), st.floats(0.05, 20_000)),
    min_size=1,
    max_size=12,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(steps=STEPS)
def test_redis_and_the_database_follow_the_same_law(redis_client, bucket, steps):
    redis_client.flushdb()
    level, now = Level(0.0, START), START
    bucket.draw("both", 1, Shape(1, 1), START)
    level, _ = level.drawn(1, Shape(1, 1), START)
    for microseconds, wanted, rate in steps:
        now = max(START, now + timedelta(microseconds=microseconds))
        level, expected = level.drawn(wanted, shape_of(rate), now)
        assert bucket.draw("both", wanted, shape_of(rate), now) == expected


@given(
    rate=st.floats(0.1, 5_000),
    gaps=st.lists(st.integers(0, 300_000), min_size=20, max_size=120),
    wanted=st.integers(1, 400),
)
def test_no_second_holds_more_than_the_rate(rate, gaps, wanted):
    level, now, drawn = Level(0.0, START), START, []
    for gap in gaps:
        now += timedelta(microseconds=gap)
        level, draw = level.drawn(wanted, shape_of(rate), now)
        drawn.append((now, draw.count))
    for end, _ in drawn:
        inside = sum(count for at, count in drawn if end - timedelta(seconds=1) < at <= end)
        assert inside <= max(1, rate + 1e-6 if rate == int(rate) else int(rate) + 1)


@given(rate=st.floats(0.1, 5_000), wanted=st.integers(1, 400))
def test_who_waits_as_told_gets_something(rate, wanted):
    level, draw = Level(0.0, START).drawn(wanted, shape_of(rate), START)
    assert draw.count == 0
    _, again = level.drawn(wanted, shape_of(rate), START + draw.wait)
    assert again.count >= 1


def test_a_bucket_drawn_by_a_clock_far_ahead_begins_anew(bucket):
    bucket.draw("demo", 1, Shape(10, 1), START + timedelta(days=1))
    assert bucket.draw("demo", 1, Shape(10, 1), START).wait == timedelta(milliseconds=100)


def test_a_bucket_that_redis_forgot_begins_empty(redis_client, bucket):
    shape = shape_of(1_000)
    bucket.draw("forgotten", 1, shape, START)
    later = START + timedelta(seconds=5)
    assert bucket.draw("forgotten", 40, shape, later).count == 40
    redis_client.flushdb()
    assert bucket.draw("forgotten", 40, shape, later).count == 0


def test_eight_threads_together_draw_what_one_bucket_holds(bucket):
    shape = Shape(1_000, 500)
    bucket.draw("crowd", 1, shape, START)
    later = START + timedelta(seconds=60)
    counts = []

    def draw_much():
        counts.extend(bucket.draw("crowd", 3, shape, later).count for _ in range(50))

    threads = [threading.Thread(target=draw_much) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 500


def test_an_absent_redis_is_told_apart(absent_bucket):
    with pytest.raises(RedisAway):
        absent_bucket.draw("any", 1, Shape(1, 1), START)
