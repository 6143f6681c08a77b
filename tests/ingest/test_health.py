"""How sources stand at an instant is told from rows; a weekend is no cause for worry, and a
missing source is.
"""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from ingest import schedule
from ingest.health import GRACE, Standing, health, honest_line
from ingest.models import Fetch, HostPace, Run, Source
from ingest.workdays import is_working_day
from tests.ingest.driving import a_source

pytestmark = pytest.mark.django_db
MORNING = datetime(2025, 1, 9, 5, 20, tzinfo=UTC)  # a Thursday
HOUR = timedelta(hours=1)


@pytest.fixture
def source():
    return a_source("arxiv", "arxiv", "https://rss.arxiv.org/atom", times=("05:20", "17:20"))


def a_run(source, due_at, state="done", *, listed=3, **fields):
    finished = None if state == "running" else due_at + HOUR / 6
    run = Run.objects.create(
        source=source, due_at=due_at, window_start=due_at.date(), window_end=due_at.date(), state=state,
        started_at=due_at, finished_at=finished, next_try_at=due_at, **fields,
    )  # fmt: skip
    Fetch.objects.create(
        source=source, run=run, origin="x", started_at=due_at, finished_at=finished, listed=listed,
        status="done" if state == "done" else "failed",
    )  # fmt: skip
    return run


def standing(now):
    return health(now)[0].standing


def test_a_source_that_was_never_asked_waits(source):
    assert (standing(MORNING), honest_line(MORNING)) == (Standing.WAITING, "")


def test_a_source_that_is_off_or_read_from_files_is_off(source):
    Source.objects.update(enabled=False)
    a_source("listing", "listing", "")
    assert {each.standing for each in health(MORNING)} == {Standing.OFF}


def test_a_run_that_ended_well_is_fine_until_the_next_is_overdue(source):
    a_run(source, MORNING)
    assert standing(MORNING + HOUR) == Standing.FINE
    next_due = MORNING + 12 * HOUR
    assert standing(next_due + GRACE) == Standing.FINE
    assert standing(next_due + GRACE + HOUR / 60) == Standing.LATE


def test_a_run_that_was_given_up_is_failing_with_its_reason(source):
    a_run(source, MORNING, "failed", error="rss.arxiv.org answered 500.")
    found = health(MORNING + HOUR)[0]
    assert (found.standing, found.error) == (Standing.FAILING, "rss.arxiv.org answered 500.")


def test_a_source_under_way_is_told_with_its_wait(source):
    run = a_run(source, MORNING, "running")
    Run.objects.filter(pk=run.pk).update(next_try_at=MORNING + HOUR)
    HostPace.objects.create(host="arxiv.org", next_at=MORNING, cool_down_until=MORNING + 2 * HOUR)
    found = health(MORNING + HOUR / 2)[0]
    assert (found.standing, found.waits_until) == (Standing.ASKING, MORNING + 2 * HOUR)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, Standing.QUIET), (2, Standing.QUIET)],
)
def test_a_batch_that_has_grown_old_is_noticed(source, days, expected):
    a_run(source, MORNING)
    a_run(source, MORNING + 12 * HOUR)
    for day in range(1, days + 1):
        a_run(source, MORNING + timedelta(days=day), listed=0)
        a_run(source, MORNING + timedelta(days=day, hours=12), listed=0)
    assert standing(MORNING + timedelta(days=days, hours=13)) == expected


def test_a_weekend_without_news_is_fine(source):
    friday = MORNING + timedelta(days=1)
    a_run(source, friday)
    for half_day in range(1, 6):
        a_run(source, friday + half_day * 12 * HOUR, listed=0)
    assert standing(friday + timedelta(days=2, hours=13)) == Standing.FINE


def test_several_missing_sources_are_named_in_one_line(source):
    other = a_source("huggingface", "huggingface", "https://huggingface.co")
    a_run(source, MORNING, "failed", error="no")
    a_run(other, MORNING, "failed", error="no")
    assert (
        honest_line(MORNING + HOUR)
        == "Today without these sources, which could not be read: Arxiv, Huggingface."
    )


def test_due_times_are_those_of_the_source_then_those_of_the_settings(source, settings):
    assert schedule.latest_due(source, MORNING) == MORNING
    assert schedule.latest_due(source, MORNING - HOUR) == MORNING - 12 * HOUR
    assert schedule.next_due(source, MORNING + 13 * HOUR) == MORNING + 24 * HOUR
    source.options = {}
    settings.SOURCE_TIMES = {"arxiv": ["06:00"]}
    assert schedule.times_of(source) == [time(6)]
    settings.SOURCE_TIMES = {}
    assert (schedule.latest_due(source, MORNING), schedule.next_due(source, MORNING)) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2025, 1, 9), True), (date(2025, 1, 11), False), (date(2025, 1, 1), False), (date(2025, 1, 20), False),
        (date(2025, 5, 26), False), (date(2025, 5, 19), True), (date(2025, 7, 4), False), (date(2026, 7, 3), False),
        (date(2025, 11, 27), False), (date(2025, 11, 28), False), (date(2025, 11, 20), True), (date(2024, 12, 26), True),
    ],
)  # fmt: skip
def test_working_days_are_those_of_the_upstreams(day, working):
    assert is_working_day(day) == working
