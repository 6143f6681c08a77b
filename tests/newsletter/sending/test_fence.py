"""The mark is the fence: who may not go on does not, and the reader is asked for at the last
moment.
"""

import uuid
from datetime import timedelta

import pytest
from django.db import connection

from newsletter.models import Batch, Edition
from newsletter.sending.claim import Claimed, claim
from newsletter.sending.control import pause
from newsletter.sending.fence import _MOVE, Fence, Mark
from newsletter.sending.sweep import sweep
from subscriptions.models import Subscriber
from tests.newsletter.sending.ways_out import HandClock
from tests.newsletter.world import a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(4)
    readers(3)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(edition.batches.get().send_after)


@pytest.fixture
def claimed(edition, clock) -> Claimed:
    return claim(edition.batches.get().pk, clock)


@pytest.fixture
def fence(claimed) -> Fence:
    return Fence(claimed.batch_id, claimed.token)


def test_a_mark_moves_the_cursor_past_the_delivery(claimed, fence, clock):
    assert fence.advance([claimed.hand_overs[0]], clock()) is Mark.MADE
    assert Batch.objects.get(pk=claimed.batch_id).cursor == 1


def test_the_same_hand_over_cannot_begin_twice(claimed, fence, clock):
    fence.advance([claimed.hand_overs[0]], clock())
    second = Fence(claimed.batch_id, claimed.token)
    assert second.advance([claimed.hand_overs[0]], clock()) is Mark.LOST


def test_a_foreign_token_is_lost(claimed, clock):
    assert (
        Fence(claimed.batch_id, uuid.uuid4()).advance([claimed.hand_overs[0]], clock()) is Mark.LOST
    )


def test_a_lease_that_ran_out_is_lost_before_anybody_sweeps(claimed, fence, clock, settings):
    clock.forward(seconds=settings.LEASE_SECONDS)
    assert fence.advance([claimed.hand_overs[0]], clock()) is Mark.LOST


def test_a_worker_that_wakes_up_late_cannot_pass(claimed, fence, clock, settings):
    fence.advance([claimed.hand_overs[0]], clock())
    sweep(clock() + timedelta(seconds=settings.LEASE_SECONDS))
    assert fence.advance([claimed.hand_overs[1]], clock()) is Mark.LOST


def test_a_halted_batch_lets_nothing_more_out(claimed, fence, clock):
    pause(claimed.edition_id, "staff", clock())
    assert fence.advance([claimed.hand_overs[0]], clock()) is Mark.HALTED
    assert Batch.objects.get(pk=claimed.batch_id).cursor == 0


@pytest.mark.parametrize(
    "change",
    [
        {"state": "unsubscribed"},
        {"state": "erased", "address": ""},
        {"suppressed_at": True},
        {"paused_until": timedelta(days=1)},
        {"address": "another@example.org"},
    ],
)
def test_a_reader_who_went_since_the_claim_gets_nothing(claimed, fence, clock, change):
    reader = claimed.hand_overs[0].reader.id
    now = clock()
    values = {
        name: now + value if isinstance(value, timedelta) else now if value is True else value
        for name, value in change.items()
    }
    Subscriber.objects.filter(pk=reader).update(left_at=now, **values)
    assert fence.advance([claimed.hand_overs[0]], now) is Mark.READER_GONE
    assert fence.advance([claimed.hand_overs[1]], now) is Mark.MADE


def test_a_pause_that_is_over_hinders_nothing(claimed, fence, clock):
    Subscriber.objects.filter(pk=claimed.hand_overs[0].reader.id).update(paused_until=clock())
    assert fence.advance([claimed.hand_overs[0]], clock()) is Mark.MADE


def test_each_of_several_readers_is_asked_for_at_their_own_address(claimed, fence, clock):
    first, second = (hand_over.reader for hand_over in claimed.hand_overs[:2])
    Subscriber.objects.filter(pk=first.id).update(address=second.address)
    Subscriber.objects.filter(pk=second.id).update(address=first.address)
    assert fence.advance(claimed.hand_overs, clock()) is Mark.READER_GONE


def test_a_mark_looks_at_its_readers_alone_also_before_there_are_statistics(claimed):
    if connection.vendor != "postgresql":
        pytest.skip("the statement is PostgreSQL's")
    like = Subscriber.objects.values("state", "confirmed_at", "created_at", "profile_id").get(
        pk=claimed.hand_overs[0].reader.id
    )
    others = (f"another{number}@example.org" for number in range(2_000))
    Subscriber.objects.bulk_create(
        Subscriber(address=address, address_key=address, **like) for address in others
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE planned AS {_MOVE.sql}")
        cursor.execute(
            f"EXPLAIN EXECUTE planned (1, 1, 1, '{claimed.token}', 0, 1, now(), '{{1}}', "
            f"'{{a@example.org}}')"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("DEALLOCATE planned")
    assert "Index Cond: (id = ANY ($8))" in plan
