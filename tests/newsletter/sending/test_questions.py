"""A prepared question is answered as the ORM would, for the values of each call, within the
caller's transaction.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from newsletter.models import Batch, BatchState, Edition, Ids
from newsletter.sending.questions import Change, Question
from subscriptions.models import Subscriber
from tests.newsletter.world import NOON, a_planned_edition, a_reader, papers, readers

AMONG = Question(
    "test_among",
    lambda ids, hour: (
        Subscriber.objects.filter(pk__among=ids, hour=hour)
        .order_by("pk")
        .values_list("pk", "address")
    ),
)
LISTS = Question(
    "test_lists",
    lambda since: Batch.objects.filter(slot_at__gte=since).values_list(
        "subscriber_ids", "slot_at", "halted"
    ),
)
QUOTED = Question(
    "test_quoted",
    lambda hour: Subscriber.objects.filter(hour=hour, address__contains="%o'").values_list("pk"),
)
TAKE = Change(
    "test_take",
    lambda batch, token, until, provider: (
        Batch.objects.filter(pk=batch, state=BatchState.PLANNED),
        {
            "state": BatchState.CLAIMED,
            "token": token,
            "lease_until": until,
            "provider": provider,
            "subscriber_ids": [],
        },
    ),
)
OUT_OF_RANGE = Change(
    "test_hour", lambda reader, hour: (Subscriber.objects.filter(pk=reader), {"hour": hour})
)


@pytest.fixture
def edition() -> Edition:
    papers(3)
    readers(4)
    return a_planned_edition()


@pytest.mark.django_db
def test_every_call_has_its_own_values(edition):
    first, second, *_ = Subscriber.objects.order_by("pk")
    assert AMONG(Ids([first.pk]), 8) == [(first.pk, first.address)]
    assert AMONG(Ids([second.pk, first.pk]), 8) == [
        (first.pk, first.address),
        (second.pk, second.address),
    ]
    assert AMONG(Ids([first.pk]), 9) == AMONG(Ids([]), 8) == []


@pytest.mark.django_db
def test_rows_are_converted_as_the_orm_converts_them(edition):
    batch = edition.batches.get()
    assert LISTS(batch.slot_at) == [(batch.subscriber_ids, batch.slot_at, False)]
    assert LISTS(batch.slot_at + timedelta(seconds=1)) == []


@pytest.mark.django_db
def test_constants_are_quoted():
    odd, _ = (
        a_reader(1, address="per%o'cent@example.org"),
        a_reader(2, address="percent@example.org"),
    )
    assert QUOTED(8) == [(odd.pk,)]


@pytest.mark.django_db
def test_a_change_tells_how_many_rows_it_changed(edition):
    batch, token = edition.batches.get(), uuid4()
    assert TAKE(batch.pk, token, NOON, "it's") == 1
    assert TAKE(batch.pk, uuid4(), NOON, "another") == 0
    batch.refresh_from_db()
    assert (batch.state, batch.token, batch.lease_until, batch.provider) == (
        "claimed",
        token,
        NOON,
        "it's",
    )
    assert batch.subscriber_ids == []


@pytest.mark.django_db(transaction=True)
def test_a_change_that_begins_a_transaction_is_undone_with_it(edition):
    batch = edition.batches.get()
    with transaction.atomic():
        assert TAKE(batch.pk, uuid4(), NOON, "") == 1
        transaction.set_rollback(True)
    batch.refresh_from_db()
    assert batch.state == "planned"


@pytest.mark.django_db(transaction=True)
def test_what_the_database_refuses_is_an_error_of_djangos(edition):
    reader = Subscriber.objects.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        OUT_OF_RANGE(reader.pk, 24)
    assert OUT_OF_RANGE(reader.pk, 23) == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_is_asked_like_the_one_before(edition):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database lives in one connection")
    first = Subscriber.objects.order_by("pk").first()
    assert AMONG(Ids([first.pk]), 8) == [(first.pk, first.address)]
    connection.connection.close()
    with pytest.raises(DatabaseError):
        AMONG(Ids([first.pk]), 8)
    connection.close()
    assert AMONG(Ids([first.pk]), 8) == [(first.pk, first.address)]
