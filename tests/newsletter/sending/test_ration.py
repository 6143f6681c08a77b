"""A batch takes its share of the cluster's rate, waits a little, and leaves long waits to the
beat.
"""

from datetime import timedelta

import pytest

from newsletter.models.rate import ProviderRate
from newsletter.sending import ration
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.rate import Budget, Grant
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import Throttled
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition():
    papers(6)
    readers(8)
    return a_planned_edition()


@pytest.fixture
def clock(edition, monkeypatch) -> HandClock:
    clock = HandClock(next_instant(edition))
    monkeypatch.setattr(ration, "LONGEST_WAIT", timedelta(seconds=5))
    monkeypatch.setattr(
        ration.time, "sleep", lambda seconds: clock.forward(seconds=seconds + 0.001)
    )
    return clock


def send_due(clock, mailbox) -> Mailbox:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)
    return mailbox


def test_a_rate_spreads_the_batch_over_time(edition, clock, settings):
    settings.SEND_RATE = 2
    began = clock()
    mailbox = send_due(clock, Mailbox())
    assert len(mailbox.accepted) == 8
    assert clock() - began >= timedelta(seconds=2.5)


def test_a_spent_quota_plans_the_rest_for_when_there_is_some_again(edition, clock, settings):
    settings.HOURLY_QUOTA = 3
    mailbox = send_due(clock, Mailbox())
    assert len(mailbox.accepted) == 3
    assert due_batches(clock.forward(minutes=1)) == []
    while mailbox.tried < 8:
        clock.forward(minutes=30)
        send_due(clock, mailbox)
    assert books(edition).sent == 8
    assert set(mailbox.addresses.values()) == {1}


def test_throttling_slows_the_whole_cluster(edition, clock):
    send_due(clock, Mailbox(lambda number, _: Throttled("429", 90) if number == 2 else None))
    rate = ProviderRate.objects.get(provider="mailbox")
    assert rate.paused_until == clock() + timedelta(seconds=90)
    assert rate.rate is not None


def test_what_was_taken_and_not_used_goes_back(edition, clock, settings):
    settings.DAILY_QUOTA = 1000
    mailbox = send_due(
        clock, Mailbox(lambda number, _: Throttled("429", 90) if number == 2 else None)
    )
    assert mailbox.tried == 3
    assert Budget("mailbox").report(clock()).day_used <= 3 + 1


def test_where_nothing_limits_a_batch_asks_four_times_a_second(clock, django_assert_num_queries):
    share, until = ration.Ration(Budget("mailbox")), clock() + timedelta(minutes=1)
    assert share.take(4, 400, clock, until).count == 4
    with django_assert_num_queries(0):
        assert sum(share.take(4, 400, clock, until).count for _ in range(99)) == 396
    Budget("mailbox").throttled(clock(), clock() + timedelta(seconds=90))
    assert share.take(4, 400, clock, until).count == 4
    clock.forward(seconds=0.3)
    assert share.take(4, 400, clock, until) == Grant(0, clock() + timedelta(seconds=89.7))
