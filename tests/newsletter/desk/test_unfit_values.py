"""A number too large for its column, or a text that no column holds, finds nothing and breaks
nothing.
"""

import pytest
from django.contrib import admin

from newsletter.desk.base import row_number
from tests.newsletter import world
from tests.newsletter.desk.pages import a_world, seen

pytestmark = pytest.mark.django_db

UNFIT = ["9" * 20, "-" + "9" * 20, "9" * 5_000, "1\0", "²", "1e400"]
DELIVERIES = "/desk/newsletter/delivery/"


@pytest.mark.parametrize("value", UNFIT)
def test_the_filter_for_an_edition_finds_nothing_for_what_is_no_edition(enter, value) -> None:
    a_world()
    client = enter("chief")
    answer = client.get(DELIVERIES, {"edition": value})
    if answer.status_code == 200:
        assert answer.context["cl"].result_count == 0
    else:
        assert answer.status_code == 400
    assert client.get(DELIVERIES).context["cl"].result_count == 2


@pytest.mark.parametrize("value", ["9" * 20, "9" * 5_000, "1\0"])
def test_every_filter_of_every_list_answers(enter, value) -> None:
    client = enter("chief")
    for model, model_admin in admin.site._registry.items():
        page = f"/desk/{model._meta.app_label}/{model._meta.model_name}/"
        for entry in model_admin.list_filter:
            name = entry[0] if isinstance(entry, tuple) else entry
            for asked in (
                [name.parameter_name]
                if isinstance(name, type)
                else [f"{name}__exact", f"{name}__id__exact", f"{name}__gte"]
            ):
                assert client.get(page, {asked: value}).status_code in {200, 302, 400}


@pytest.mark.parametrize("value", UNFIT)
def test_the_pages_of_an_edition_answer(enter, value) -> None:
    client, found = enter("chief"), a_world()
    paper = found.papers[0].pk
    for edition in (found.open, found.frozen):
        page = f"/desk/newsletter/edition/{edition.pk}/"
        for name in ("q", "show", "order", "page"):
            assert client.get(f"{page}change/", {name: value}).status_code == 200
        for name in ("reader", "topics"):
            assert client.get(f"{page}preview/", {name: value}).status_code == 200
        assert client.get(f"{page}strike/", {"paper": value}).status_code == 404
        assert client.post(f"{page}strike/", {"paper": value, "reason": "x"}).status_code == 404
        decisions = [{"paper": value, "value": "1"}, {"paper": paper, "value": value}]
        for decision in decisions:
            answer = client.post(f"{page}curate/", {"kind": "boost", **decision})
            assert answer.status_code in {302, 404}
    assert not found.frozen.strikes.exists()


@pytest.mark.parametrize("value", UNFIT)
def test_a_search_for_a_reader_or_another_paper_finds_nobody(enter, value) -> None:
    client, paper = enter("chief"), world.a_paper(1)
    assert client.get("/desk/subscriptions/subscriber/", {"q": value}).status_code == 200
    joined = client.post(f"/desk/ingest/paper/{paper.pk}/join/", {"other": value})
    assert joined.status_code == 200
    assert any(
        words in seen(joined) for words in ("no such paper", "Null characters", "at most 200")
    )


@pytest.mark.parametrize("value", ["9" * 20, "-1", "9" * 4_000, "1%00", "²", "%D9%A3"])
def test_no_object_has_such_a_number(enter, value) -> None:
    client = enter("chief")
    for model in admin.site._registry:
        page = f"/desk/{model._meta.app_label}/{model._meta.model_name}/{value}/"
        for tail in ("change/", "history/", "step/hold/", "join/"):
            assert client.get(page + tail).status_code in {302, 403, 404}


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("0", 0), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("", None), ("-1", None)],
)
def test_the_number_of_a_row_fits_its_column(text, number) -> None:
    assert row_number(text) == number


def test_only_plain_digits_are_a_number() -> None:
    assert [row_number(text) for text in ("٣", "²", "1_0", " 1", "1.0", "0x1")] == [None] * 6
