"""What an upstream tells about when to come again is read in every form it is told, and believed
for a day at most.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.waits import LONGEST_WAIT, told_wait, used_up

NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 0),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "Fri, 09 Jan 2026 06:02:00 GMT"}, 120),
        ({"retry-after": "Fri, 09 Jan 2026 07:02:00 +0100"}, 120),
        ({"retry-after": "Friday, 09-Jan-26 06:02:00 GMT"}, 120),
        ({"retry-after": "Fri Jan  9 06:02:00 2026"}, 120),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 01 Jan 2099 00:00:00 GMT"}, 86_400),
        ({"retry-after": "999999999999"}, 86_400),
        ({"ratelimit": '"api";r=0;t=120'}, 121),
        ({"ratelimit": '"api"; r=3; t=120'}, 121),
        ({"ratelimit": '"api";r=0;t=120, "pages";r=0;t=200'}, 201),
        ({"ratelimit": '"api";r=0;t=999999999999'}, 86_400),
        ({"ratelimit": '"api";r=0;t=10', "retry-after": "60"}, 60),
        ({"ratelimit": '"api";r=0;t=100', "retry-after": "60"}, 101),
    ],
)
def test_a_told_wait_is_read(headers, seconds):
    assert told_wait(headers, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": ""},
        {"retry-after": "soon"},
        {"retry-after": "-5"},
        {"retry-after": "1.5"},
        {"retry-after": "٣"},
        {"retry-after": "9" * 5000},
        {"retry-after": "Fri, 99 Jan 2026 06:02:00 GMT"},
        {"ratelimit": "api;r=0"},
        {"ratelimit": '"api";r=0'},
        {"ratelimit": '"api";t=5'},
        {"ratelimit": "limit=100, remaining=0, reset=50"},
    ],
)
def test_what_tells_no_time_is_no_wait(headers):
    assert told_wait(headers, NOW) is None


def test_a_quota_is_used_up_only_when_nothing_remains():
    assert used_up({"ratelimit": '"api";r=1;t=120'}, NOW) is None
    assert used_up({"ratelimit": '"api";r=0;t=120'}, NOW) == NOW + timedelta(seconds=121)
    assert used_up({}, NOW) is None


@given(st.text(), st.text())
def test_no_header_can_make_us_wait_longer_than_a_day_or_fail(retry_after, rate_limit):
    headers = {"retry-after": retry_after, "ratelimit": rate_limit}
    for wait in (told_wait(headers, NOW), used_up(headers, NOW)):
        assert wait is None or NOW <= wait <= NOW + LONGEST_WAIT
