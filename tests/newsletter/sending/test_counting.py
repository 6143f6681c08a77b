"""Deliveries are counted by status without reading them all, and the counts are those of the rows."""

from collections import Counter

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from newsletter.models import Batch, BatchState, Delivery, DeliveryStatus, Edition
from newsletter.models.delivery import NOT_CHOSEN
from newsletter.sending.books import books
from newsletter.sending.claim import claim
from newsletter.sending.control import cancel_run, retry_failed, settle_uncertain
from newsletter.sending.counting import NOT_MADE, count_batches, counted
from newsletter.sending.due import due_batches
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports.outcomes import PermanentForReader, Transient
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import FREEZE, a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    return HandClock(FREEZE.replace(hour=8))


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(6)
    return a_planned_edition()


def by_rows(edition: Edition) -> Counter[str]:
    return Counter(dict(edition.deliveries.order_by().values_list("status").annotate(Count("pk"))))


def check(edition: Edition) -> None:
    """The counts are those of the rows, before batches that are over are counted and after."""
    for _ in range(2):
        found = counted(edition.batches.all())
        found.pop(NOT_MADE, None)
        assert found == by_rows(edition)
        account = dict(books(edition).lines())
        assert {status: account[status] for status in found} == dict(found)
        assert books(edition).balanced
        count_batches()


def send_due(clock: HandClock, mailbox: Mailbox) -> None:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)


def test_the_counts_are_those_of_the_rows_after_each_kind_of_outcome(edition, clock):
    check(edition)
    refusals = {
        0: PermanentForReader("550"),
        1: Transient("later"),
        2: PermanentForReader("551"),
    }
    send_due(clock, Mailbox(lambda number, _mail: refusals.get(number)))
    check(edition)
    assert by_rows(edition)["failed"] == 2
    assert by_rows(edition)["sent"]
    assert retry_failed(edition.pk, clock()) == 2
    check(edition)
    assert by_rows(edition)["failed"] == 0
    clock.forward(hours=1)
    for batch_id in due_batches(clock()):
        claim(batch_id, clock)
    check(edition)
    assert by_rows(edition)["claimed"]
    # Their worker died: what was begun is uncertain.
    Batch.objects.filter(state=BatchState.CLAIMED).update(cursor=99, in_hand=99)
    clock.forward(hours=1)
    sweep(clock())
    check(edition)
    unknown = list(
        edition.deliveries.filter(status="uncertain").order_by("pk").values_list("pk", flat=True)
    )
    assert len(unknown) >= 2
    settle_uncertain(unknown[:1], arrived=True, now=clock())
    check(edition)
    settle_uncertain(unknown[1:], arrived=False, now=clock())
    check(edition)
    assert by_rows(edition)["deferred"] == len(unknown) - 1
    cancel_run(edition.pk)
    sweep(clock())
    check(edition)
    assert by_rows(edition)["cancelled"] == len(unknown) - 1


def test_a_run_that_is_late_is_counted(edition, clock):
    clock.forward(hours=30)
    sweep(clock())
    check(edition)
    assert by_rows(edition) == {"late": 6}


def test_a_batch_under_way_is_not_counted(edition, clock):
    [batch_id] = due_batches(clock())
    assert claim(batch_id, clock)
    assert count_batches() == 0
    assert Batch.objects.get(pk=batch_id).counts is None


def test_the_books_of_counted_batches_read_no_delivery(edition, clock):
    send_due(clock, Mailbox())
    assert count_batches() == 1
    assert count_batches() == 0
    with CaptureQueriesContext(connection) as queries:
        assert books(edition).sent == 6
    assert not any("newsletter_delivery" in query["sql"] for query in queries)


def test_digests_that_could_not_be_made_are_counted_beside_the_failed_ones(edition, clock):
    send_due(
        clock, Mailbox(lambda number, _mail: PermanentForReader("550") if number < 3 else None)
    )
    failed = edition.deliveries.filter(status=DeliveryStatus.FAILED)
    ours = failed.order_by("pk").values_list("pk", flat=True)[:2]
    Delivery.objects.filter(pk__in=list(ours)).update(reason=f"{NOT_CHOSEN}: KeyError")
    for _ in range(2):
        found = counted(edition.batches.all())
        assert (found["failed"], found[NOT_MADE]) == (3, 2)
        count_batches()


def test_an_edition_is_not_done_while_its_stored_counts_alone_balance(edition, clock):
    send_due(clock, Mailbox())
    count_batches()
    edition.deliveries.order_by("pk").first().delete()
    assert books(edition).balanced
    assert not books(edition, from_rows=True).balanced
    sweep(clock())
    edition.refresh_from_db()
    assert edition.done_at is None
