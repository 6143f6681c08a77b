"""The budget is spent nearly whole and never overrun: with one worker or eight, over flushes,
restarts and outages of Redis.
"""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from newsletter.models import ProviderRate, QuotaSlot
from newsletter.sending.rate import Budget, Limits, configured_limits
from newsletter.sending.rate.quota import HELD
from tests.newsletter.sending.rate.simulation import START, spend

pytestmark = pytest.mark.django_db

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WORKERS = pytest.mark.parametrize("workers", [1, 2, pytest.param(8, marks=pytest.mark.slow)])


@pytest.fixture
def budgets(bucket):
    return lambda limits, workers=1: [Budget("postmark", limits, bucket) for _ in range(workers)]


@WORKERS
@pytest.mark.parametrize("rate", [14, 200])
def test_the_rate_is_reached_and_kept_in_every_second(budgets, workers, rate):
    spent = spend(budgets(Limits(rate), workers), timedelta(seconds=6))
    assert spent.total >= 0.95 * rate * 6
    assert spent.most_within(SECOND) <= rate


@WORKERS
def test_the_hour_is_used_and_never_overrun(budgets, workers):
    spent = spend(budgets(Limits(per_second=0.2, per_hour=180), workers), 2 * HOUR)
    assert spent.most_within(HOUR) <= 180
    assert spent.total >= 0.95 * 2 * 180


@WORKERS
def test_the_day_is_used_and_never_overrun(budgets, workers):
    spent = spend(budgets(Limits(per_hour=400, per_day=3_000), workers), 2 * DAY)
    assert spent.most_within(DAY) <= 3_000
    assert spent.most_within(HOUR) <= 400
    assert spent.total >= 0.95 * 2 * 3_000


@pytest.mark.slow
def test_mails_handed_over_half_a_minute_late_overrun_nothing(budgets):
    spent = spend(budgets(Limits(per_second=0.2, per_hour=180), 2), 4 * HOUR, delay=HELD / 2)
    assert spent.most_within(HOUR) <= 180


@WORKERS
def test_a_flush_of_redis_overruns_nothing(bucket, redis_client, workers):
    questions = itertools.count(1)

    class Flushing(Budget):
        def take(self, n, now):
            if next(questions) % 10 == 0:
                redis_client.flushdb()
            return super().take(n, now)

    limits = Limits(per_second=20, per_hour=300)
    spent = spend(
        [Flushing("postmark", limits, bucket) for _ in range(workers)], timedelta(seconds=40)
    )
    assert spent.total == 300
    assert spent.most_within(SECOND) <= 20


def test_restarted_workers_overrun_nothing(bucket):
    class Restarting(Budget):
        """Begins anew, without a release, every time: a worker that is killed after each grant."""

        def take(self, n, now):
            return Budget(self.provider, self.limits, bucket).take(n, now)

    limits = Limits(per_second=20, per_hour=300)
    spent = spend([Restarting("postmark", limits, bucket)] * 2, 2 * HOUR)
    assert spent.most_within(HOUR) <= 300
    assert spent.total > 0


def test_the_quota_holds_while_redis_is_away(absent_bucket):
    limits = Limits(per_second=20, per_hour=100)
    spent = spend(
        [Budget("postmark", limits, absent_bucket) for _ in range(2)], timedelta(minutes=90)
    )
    assert spent.most_within(HOUR) <= 100
    assert spent.total >= 100


def test_the_rate_holds_while_redis_is_away(absent_bucket):
    spent = spend(
        [Budget("postmark", Limits(20), absent_bucket) for _ in range(2)], timedelta(seconds=20)
    )
    assert spent.most_within(SECOND) <= 20
    assert spent.total >= 0.95 * 20 * 20


def test_redis_is_left_alone_for_a_while_after_a_failure(absent_bucket):
    asked = []
    draw = absent_bucket.draw
    absent_bucket.draw = lambda *arguments: (asked.append(1), draw(*arguments))[1]
    budget = Budget("postmark", Limits(20), absent_bucket)
    for tenth in range(60):
        budget.take(1, START + tenth * timedelta(milliseconds=100))
    assert len(asked) == 2


def test_without_limits_everything_is_granted_and_nothing_written(
    budgets, django_assert_num_queries
):
    (budget,) = budgets(Limits())
    budget.take(1, START)
    with django_assert_num_queries(1):
        assert budget.take(500, START).count == 500


def test_grants_out_of_a_chunk_do_not_write(budgets, django_assert_num_queries):
    (budget,) = budgets(Limits(per_hour=100_000))
    budget.take(10, START)
    with django_assert_num_queries(1):
        assert budget.take(10, START).count == 10


def test_what_is_released_can_be_spent_by_others(budgets):
    first, second = budgets(Limits(per_hour=100), 2)
    assert first.take(90, START).count == 90
    first.release(unused=40)
    assert second.take(100, START + SECOND).count == 50


def test_the_end_of_a_quota_says_when_it_goes_on(budgets):
    (budget,) = budgets(Limits(per_hour=100))
    budget.take(100, START)
    grant = budget.take(1, START + SECOND)
    assert grant.count == 0
    assert START + HOUR < grant.wait_until <= START + HOUR * 1.04
    assert budget.take(1, grant.wait_until).count == 1


@pytest.mark.parametrize(
    ("limits", "window"),
    [(Limits(per_hour=100), HOUR), (Limits(per_day=100), DAY)],
    ids=["hour", "day"],
)
def test_what_a_clock_ahead_has_spent_counts_but_not_from_far_away(budgets, limits, window):
    ahead, right = budgets(limits, 2)
    ahead.take(60, START + window * 0.9)
    assert right.take(100, START).count == 40
    far_ahead, again = budgets(limits, 2)
    far_ahead.take(100, START + timedelta(days=900))
    assert again.take(100, START + window * 2.5).count == 100


def test_a_throttled_provider_is_paused_for_every_worker(budgets):
    first, second = budgets(Limits(50), 2)
    first.throttled(START, START + timedelta(seconds=40))
    assert second.take(10, START + SECOND).wait_until == START + timedelta(seconds=40)


def test_a_cut_rate_survives_flush_and_restart(budgets, redis_client):
    budgets(Limits(50))[0].throttled(START)
    redis_client.flushdb()
    spent = spend(budgets(Limits(50), 2), timedelta(seconds=25))
    assert 0.95 * 35 * 20 <= spent.total <= 37 * 20


def test_providers_do_not_share_a_budget(bucket):
    limits = Limits(per_hour=10)
    assert Budget("postmark", limits, bucket).take(10, START).count == 10
    assert Budget("mailgun", limits, bucket).take(10, START).count == 10


def test_the_report_tells_rate_pause_and_use(budgets):
    (budget,) = budgets(Limits(per_second=0, per_hour=100, per_day=500))
    budget.take(30, START)
    budget.release()
    assert (budget.report(START).hour_used, budget.report(START).day_used) == (30, 30)
    assert math.isinf(budget.report(START).rate)
    budget.throttled(START)
    assert budget.report(START).paused_until is not None


def test_old_slots_are_removed(budgets):
    (budget,) = budgets(Limits(per_hour=10))
    budget.take(1, START)
    budget.release()
    Budget("postmark", Limits(per_hour=10), budget._redis).take(1, START + timedelta(days=3))
    assert not QuotaSlot.objects.filter(starts_at__lt=START + DAY).exists()


def test_nothing_cannot_be_asked_for(budgets):
    with pytest.raises(ValueError, match="one or more"):
        budgets(Limits())[0].take(0, START)


def test_a_limit_below_zero_is_refused():
    with pytest.raises(ValueError, match="no limit"):
        Limits(per_hour=-1)


def test_the_limits_come_from_the_settings(settings):
    settings.SEND_RATE, settings.HOURLY_QUOTA, settings.DAILY_QUOTA = 14.0, 3_000, 50_000
    assert configured_limits() == Limits(14.0, 3_000, 50_000)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "connection.vendor == 'sqlite'",
    reason="one process sends on SQLite, whose test database lives in one connection",
)
@pytest.mark.parametrize("workers", [2, 8])
def test_threads_at_once_spend_the_hour_and_not_more(bucket, workers):
    def work(number):
        budget = Budget("postmark", Limits(per_hour=1_000), bucket)
        try:
            total = sum(
                budget.take(7, START + timedelta(milliseconds=100 * step + number)).count
                for step in range(60)
            )
            budget.release()
        finally:
            connection.close()
        return total

    with ThreadPoolExecutor(workers) as pool:
        totals = list(pool.map(work, range(workers)))
    rest = (
        Budget("postmark", Limits(per_hour=1_000), bucket)
        .take(1_000, START + timedelta(seconds=20))
        .count
    )
    assert sum(totals) + rest == 1_000
    assert ProviderRate.objects.count() == 1
