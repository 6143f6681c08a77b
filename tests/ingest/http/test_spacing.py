"""Turns at a host: one at a time, spaced, shared through the database, and never waited for."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from ingest.http import spacing
from ingest.http.spacing import HOLD, cool_down, end_turn, group_of, take_turn
from ingest.http.waits import LONGEST_WAIT
from ingest.models import HostPace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HUGGING_FACE = "https://huggingface.co/api/daily_papers?p=0"
FEED = "https://rss.arxiv.org/atom/cs.LG"
OAI = "https://oaipmh.arxiv.org/oai?verb=ListRecords"


@pytest.mark.parametrize(
    ("url", "group"),
    [
        (FEED, "arxiv.org"),
        (OAI, "arxiv.org"),
        ("https://ARXIV.org:443/abs/2601.00001", "arxiv.org"),
        ("https://export.arxiv.org./api/query", "arxiv.org"),
        ("https://notarxiv.org/", "notarxiv.org"),
        ("https://arxiv.org.example/", "arxiv.org.example"),
        (HUGGING_FACE, "huggingface.co"),
    ],
)
def test_all_of_arxiv_counts_as_one(url, group):
    assert group_of(url) == group


def test_a_free_turn_is_taken():
    assert take_turn(HUGGING_FACE, NOW) is None


def test_nobody_else_has_a_turn_while_one_is_asking():
    take_turn(FEED, NOW)
    assert take_turn(OAI, NOW) == NOW + HOLD
    assert take_turn(OAI, NOW + HOLD - SECOND) == NOW + HOLD
    assert take_turn(HUGGING_FACE, NOW) is None


def test_arxiv_rests_three_seconds_after_an_answer():
    take_turn(FEED, NOW)
    end_turn(FEED, NOW, NOW + 2 * SECOND)
    assert take_turn(OAI, NOW + 4.9 * SECOND) == NOW + 5 * SECOND
    assert take_turn(OAI, NOW + 5 * SECOND) is None


def test_a_turn_of_a_dead_worker_runs_out():
    take_turn(FEED, NOW)
    assert take_turn(FEED, NOW + HOLD) is None


def test_a_worker_that_wakes_up_late_does_not_end_the_turn_of_another():
    take_turn(FEED, NOW)
    take_turn(FEED, NOW + HOLD)
    end_turn(FEED, NOW, NOW + HOLD + SECOND)
    assert take_turn(FEED, NOW + HOLD + 10 * SECOND) == NOW + 2 * HOLD


def test_a_cool_down_holds_for_all_and_then_ends():
    take_turn(FEED, NOW)
    cool_down(FEED, NOW + 600 * SECOND)
    end_turn(FEED, NOW, NOW)
    assert take_turn(OAI, NOW + 599 * SECOND) == NOW + 600 * SECOND
    assert take_turn(OAI, NOW + 600 * SECOND) is None


def test_a_shorter_cool_down_does_not_end_a_longer_one():
    take_turn(FEED, NOW)
    cool_down(FEED, NOW + 600 * SECOND)
    cool_down(FEED, NOW + 60 * SECOND)
    assert take_turn(FEED, NOW + 500 * SECOND) == NOW + 600 * SECOND


def test_a_clock_that_was_put_back_does_not_silence_a_host():
    take_turn(FEED, NOW + LONGEST_WAIT * 30)
    cool_down(FEED, NOW + LONGEST_WAIT * 30)
    assert take_turn(FEED, NOW) is None


def test_a_turn_costs_few_queries(django_assert_max_num_queries):
    take_turn(FEED, NOW)
    end_turn(FEED, NOW, NOW)
    with django_assert_max_num_queries(5):
        take_turn(FEED, NOW + 3 * SECOND)
        end_turn(FEED, NOW + 3 * SECOND, NOW + 4 * SECOND)


@pytest.mark.django_db(transaction=True)
def test_no_turn_is_taken_inside_a_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        take_turn(FEED, NOW)


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="in tests SQLite is in memory, where threads do not wait for each other",
)
@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_exactly_one_has_the_turn():
    outcomes, start = [], threading.Barrier(8)

    def work():
        start.wait()
        try:
            outcomes.append(take_turn(OAI, NOW))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(outcomes, key=bool) == [None] + [NOW + HOLD] * 7
    assert HostPace.objects.count() == 1


def test_a_turn_outlasts_any_task(settings):
    assert HOLD.total_seconds() >= settings.CELERY_TASK_TIME_LIMIT
    assert set(spacing.PACES) == {group_of(f"https://any.{domain}/") for domain in spacing.PACES}
