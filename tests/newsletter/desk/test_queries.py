"""Lists cost the same for two rows and for many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.models import Fetch
from newsletter.models import Edition, ProviderEvent
from subscriptions.models import Letter, Topic
from tests.newsletter import world
from tests.newsletter.desk.pages import LISTS, a_delivery, a_world

pytestmark = pytest.mark.django_db

CEILINGS = {
    "": 26,
    "ingest/paper/": 7,
    "ingest/suggestion/": 7,
    "ingest/merge/": 8,
    "ingest/source/": 7,
    "ingest/fetch/": 7,
    "newsletter/edition/": 6,
    "newsletter/delivery/": 7,
    "newsletter/batch/": 6,
    "newsletter/provider/": 20,
    "newsletter/providerevent/": 7,
    "subscriptions/subscriber/": 6,
    "subscriptions/topic/": 6,
    "subscriptions/letter/": 6,
    "subscriptions/suppression/": 6,
    "subscriptions/requestbreaker/": 6,
    "subscriptions/machine/": 6,
    "auth/user/": 7,
    "auth/group/": 6,
}


def count(client, page: str) -> CaptureQueriesContext:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(f"/desk/{page}").status_code == 200
    return queries


def grow() -> None:
    """Add rows to every list."""
    papers = world.papers(10, first=20)
    edition = Edition.objects.get(cadence="daily")
    for number in range(30, 40):
        reader = world.a_reader(number)
        delivery = a_delivery(edition, reader, papers[:0], number)
        Letter.objects.create(
            subscriber=reader,
            kind="confirm",
            state="sent",
            created_at=world.NOON,
            send_after=world.NOON,
        )
        ProviderEvent.objects.create(
            fingerprint=f"f{number}",
            delivery=delivery,
            provider="p",
            kind="opened",
            said_at=world.NOON,
            received_at=world.NOON,
            due_at=world.NOON,
        )
        Fetch.objects.create(
            source=world.a_source(), origin="x", started_at=world.NOON, status="done"
        )
        Topic.objects.create(slug=f"t{number}", name=f"T {number}", parent=world.a_topic())
        edition.batches.create(slot_at=world.NOON, send_after=world.NOON)


def test_no_list_asks_more_when_it_grows_and_none_reads_frozen_statistics(enter) -> None:
    a_world()
    client = enter("chief")
    pages = ("", *LISTS)
    client.get("/desk/")  # fills the process's memory of content types
    before = {page: len(count(client, page)) for page in pages}
    grow()
    after = {page: count(client, page) for page in pages}
    assert {page: len(queries) for page, queries in after.items()} == before
    assert {
        page: len(queries) for page, queries in after.items() if len(queries) > CEILINGS[page]
    } == {}
    statistics = [
        page
        for page, queries in after.items()
        for query in queries
        if '"statistics"' in query["sql"]
    ]
    assert statistics == []


@pytest.mark.parametrize("which", ["open", "frozen"])
def test_the_curation_desk_asks_the_same_for_four_candidates_and_for_forty(enter, which) -> None:
    found = a_world()
    client = enter("chief")
    page = f"newsletter/edition/{getattr(found, which).pk}/change/"
    client.get("/desk/")
    before = len(count(client, page))
    for paper in world.papers(30, first=50):
        getattr(found, which).candidates.create(
            paper=paper, since=world.NOON, listed=world.DAY, votes=1
        )
    assert len(count(client, page)) == before
    assert before <= 16
