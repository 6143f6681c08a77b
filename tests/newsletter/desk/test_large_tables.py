"""Lists of tables that may have millions of rows: what they ask the database for."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.models import Paper
from newsletter.desk import base, deliveries
from newsletter.models import Batch, Delivery, DeliveryStatus
from newsletter.sending.counting import count_batches
from tests.newsletter import world
from tests.newsletter.desk.pages import a_delivery, a_world

pytestmark = pytest.mark.django_db

LARGE = (
    "newsletter_delivery",
    "ingest_paper",
    "ingest_count",
    "ingest_listing",
    "subscriptions_letter",
)
PAGES = (
    "",
    "ingest/paper/",
    "ingest/paper/?p=2",
    "ingest/paper/?standing=merged",
    "ingest/paper/?standing=withdrawn",
    "ingest/paper/?source=listing",
    "ingest/paper/?q=graph",
    "ingest/paper/?q=2601.00001",
    "ingest/paper/?o=4",
    "ingest/source/",
    "newsletter/delivery/",
    "newsletter/delivery/?p=2",
    *(f"newsletter/delivery/?status__exact={status}" for status in DeliveryStatus),
    "newsletter/delivery/?edition={edition}",
    "newsletter/delivery/?edition={edition}&status__exact=uncertain",
    "newsletter/delivery/?outcome__exact=hard_bounce",
    "newsletter/edition/",
    "newsletter/edition/{edition}/change/",
    "newsletter/batch/",
    "subscriptions/subscriber/",
    "subscriptions/subscriber/?state__exact=erased",
    "subscriptions/subscriber/?fact=paused",
    "subscriptions/subscriber/?fact=suppressed",
    "subscriptions/subscriber/?q=reader1@example.org",
    "subscriptions/letter/",
)


@pytest.fixture
def asked(enter):
    """Return a function that asks for a page and returns the statements that it made."""
    found = a_world()
    client = enter("chief")
    client.get("/desk/")  # fills the process's memory of content types

    def ask(page: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"/desk/{page.format(edition=found.frozen.pk)}")
        assert answer.status_code == 200
        return [query["sql"] for query in queries if query["sql"].startswith("SELECT")]

    return ask


@pytest.mark.parametrize("page", PAGES)
def test_no_page_counts_all_rows_of_a_large_table(asked, page) -> None:
    for sql in asked(page):
        whole = re.match(r'SELECT COUNT\(\*\) AS "__count" FROM "(\w+)"( WHERE .+)?$', sql)
        assert not (whole and whole[1] in LARGE and whole[2] is None), sql


@pytest.mark.parametrize("page", PAGES)
def test_an_index_leads_to_what_a_page_shows_of_a_large_table(asked, page) -> None:
    """With sequential scans made dear PostgreSQL takes one only where no index serves."""
    if connection.vendor != "postgresql":
        pytest.skip("the plans are PostgreSQL's")
    statements = asked(page)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in statements:
            cursor.execute(f"EXPLAIN {sql}".replace("%", "%%") if "%%" in sql else f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            for table in LARGE:
                assert f"Seq Scan on {table}" not in plan, f"{sql}\n{plan}"


def test_a_large_list_is_ordered_by_no_column_without_an_index(asked) -> None:
    statements = asked("newsletter/delivery/?o=3")
    shown = [sql for sql in statements if 'FROM "newsletter_delivery"' in sql and "LIMIT" in sql]
    assert shown
    assert all('"newsletter_delivery"."status" ASC' not in sql for sql in shown)


def test_the_pages_of_a_large_list_end_where_it_is_counted_no_further(enter, monkeypatch) -> None:
    monkeypatch.setattr(base, "MOST_PAGED", 3)
    world.papers(7)
    listed = enter("chief").get("/desk/ingest/paper/").context["cl"]
    assert listed.result_count == 3
    assert listed.paginator.num_pages == 1


def test_a_filter_without_an_index_looks_through_the_newest_rows(enter, monkeypatch) -> None:
    papers = world.papers(6)
    Paper.objects.update(withdrawn_at=world.NOON)
    client = enter("chief")
    page = f"/desk/ingest/paper/?{urlencode({'standing': 'withdrawn'})}"
    assert client.get(page).context["cl"].result_count == 6
    monkeypatch.setattr(base, "MOST_LOOKED_THROUGH", 2)
    assert {paper.pk for paper in client.get(page).context["cl"].result_list} == {
        papers[-1].pk,
        papers[-2].pk,
    }
    by_title = client.get("/desk/ingest/paper/?q=Graph").context["cl"]
    assert by_title.result_count == 2
    whole_id = client.get(f"/desk/ingest/paper/?q={papers[0].arxiv_id}").context["cl"]
    assert [paper.pk for paper in whole_id.result_list] == [papers[0].pk]


def test_a_rare_status_is_found_however_many_batches_came_after_it(enter, monkeypatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_BATCHES", 2)
    found = a_world()
    Delivery.objects.filter(pk=found.deliveries[0].pk).update(status="uncertain", reason="stopped")
    for number in range(20, 24):
        batch = found.frozen.batches.create(slot_at=world.NOON, send_after=world.NOON)
        made = a_delivery(found.frozen, world.a_reader(number), found.papers[:1], 0)
        Delivery.objects.filter(pk=made.pk).update(batch=batch)
    client = enter("chief")
    page = "/desk/newsletter/delivery/?status__exact="
    Batch.objects.update(state="done")
    count_batches()
    rare = client.get(f"{page}uncertain").context["cl"].result_list
    assert [one.pk for one in rare] == [found.deliveries[0].pk]
    both = client.get(f"{page}uncertain&edition={found.frozen.pk}").context["cl"].result_list
    assert [one.pk for one in both] == [found.deliveries[0].pk]
    assert client.get(f"{page}failed").context["cl"].result_count == 0
    # Common ones are those of the newest batches.
    assert client.get(f"{page}sent").context["cl"].result_count == 2


def test_every_admin_of_a_large_table_is_a_large_list() -> None:
    admins = {
        model._meta.db_table: made
        for model, made in admin.site._registry.items()
        if model._meta.db_table in LARGE
    }
    assert len(admins) >= 3
    assert all(isinstance(made, base.LargeTable) for made in admins.values())
