"""Topics are edited as lines."""

import pytest

from subscriptions.models import Topic
from tests.newsletter import world

pytestmark = pytest.mark.django_db


def form(**changes) -> dict[str, str]:
    return {
        "name": "Graphs",
        "slug": "graphs",
        "description": "",
        "parent": "",
        "phrases": "",
        "categories": "",
    } | changes


def test_phrases_are_read_one_a_line_cleaned_and_each_once(enter) -> None:
    topic = world.a_topic()
    phrases = "graph  networks\r\n\r\n message passing \nmessage passing\n\u202eevil"
    answer = enter("editors").post(
        f"/desk/subscriptions/topic/{topic.pk}/change/",
        form(phrases=phrases, categories="cs.LG\ncs.SI"),
    )
    assert answer.status_code == 302
    topic.refresh_from_db()
    assert topic.phrases == ["graph networks", "message passing", "evil"]
    assert topic.categories == ["cs.LG", "cs.SI"]


def test_the_form_shows_the_list_as_lines(enter) -> None:
    topic = world.a_topic(phrases=("graph networks", "message passing"))
    page = enter("editors").get(f"/desk/subscriptions/topic/{topic.pk}/change/").content.decode()
    assert "graph networks\nmessage passing</textarea>" in page


def test_a_topic_cannot_stand_below_itself(enter) -> None:
    above = world.a_topic()
    below = Topic.objects.create(slug="below", name="Below", parent=above)
    client = enter("editors")
    for parent in (above, below):
        answer = client.post(
            f"/desk/subscriptions/topic/{above.pk}/change/", form(parent=str(parent.pk))
        )
        assert "stands below this topic already" in answer.content.decode()
    above.refresh_from_db()
    assert above.parent is None


def test_a_topic_can_be_added_and_retired(enter) -> None:
    client = enter("editors")
    assert (
        client.post(
            "/desk/subscriptions/topic/add/", form(name="New", slug="new", phrases="new words")
        ).status_code
        == 302
    )
    topic = Topic.objects.get(slug="new")
    client.post(
        f"/desk/subscriptions/topic/{topic.pk}/change/",
        form(name="New", slug="new", phrases="new words", retired="on"),
    )
    topic.refresh_from_db()
    assert topic.retired
