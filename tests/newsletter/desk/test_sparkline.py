from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.desk.sparkline import HEIGHT, WIDTH, points

START = datetime(2026, 1, 10, tzinfo=UTC)


def read(text: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in text.split()]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=2, max_size=30))
def test_every_point_lies_in_the_box_and_time_runs_to_the_right(steps) -> None:
    series = [(START + timedelta(seconds=at), votes) for at, votes in sorted(steps)]
    line = read(points(series))
    assert len(line) == len(series)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)
    assert [x for x, _ in line] == sorted(x for x, _ in line)


def test_more_votes_stand_higher() -> None:
    line = read(
        points([(START, 1), (START + timedelta(hours=1), 5), (START + timedelta(hours=2), 3)])
    )
    assert line[1][1] < line[2][1] < line[0][1]


def test_one_reading_makes_no_line() -> None:
    assert points([(START, 3)]) == points([]) == ""
