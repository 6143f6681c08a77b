"""Joining papers and taking them apart at the desk."""

import pytest

from ingest.known_sources import source_named
from ingest.models import Merge, Suggestion
from tests.newsletter import world
from tests.newsletter.desk.pages import seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def two():
    return world.papers(2)


def test_a_paper_is_joined_with_another_by_id_and_split_again(enter, two) -> None:
    gone, stays = two
    client = enter("editors")
    url = f"/desk/ingest/paper/{gone.pk}/join/"
    assert client.get(url).status_code == 200
    assert not Merge.objects.exists()
    assert (
        client.post(url, {"other": f"https://arxiv.org/abs/{stays.arxiv_id}"}).url
        == f"/desk/ingest/paper/{stays.pk}/change/"
    )
    made = Merge.objects.get()
    gone.refresh_from_db()
    assert (gone.merged_into, made.by.username) == (stays, "editors")
    assert client.post(f"/desk/ingest/merge/{made.pk}/step/split/").status_code == 302
    gone.refresh_from_db()
    assert gone.merged_into is None


def test_joining_says_when_the_title_of_the_paper_that_stays_changes(enter, two) -> None:
    gone, stays = two
    gone.field_sources = {"title": [source_named("staff").slug, "2026-01-14T01:00:00Z"]}
    gone.save()
    client = enter("editors")
    answer = client.post(
        f"/desk/ingest/paper/{gone.pk}/join/", {"other": stays.arxiv_id}, follow=True
    )
    assert f"now one with “{stays.title}”. Its title is now “{gone.title}”" in seen(answer)


@pytest.mark.parametrize(
    ("other", "words"),
    [("2599.99999", "no such paper"), ("nonsense", "no such paper"), ("self", "one paper already")],
)
def test_what_cannot_be_joined_is_told(enter, two, other, words) -> None:
    answer = enter("editors").post(
        f"/desk/ingest/paper/{two[0].pk}/join/",
        {"other": str(two[0].pk) if other == "self" else other},
    )
    assert words in seen(answer)
    assert not Merge.objects.exists()


@pytest.mark.parametrize(("step", "merges"), [("one", 1), ("two", 0)])
def test_a_suggestion_is_settled_either_way(enter, two, step, merges) -> None:
    suggestion = Suggestion.objects.create(
        paper=two[0], other=two[1], likeness=900, suggested_at=world.NOON
    )
    enter("editors").post(f"/desk/ingest/suggestion/{suggestion.pk}/step/{step}/")
    suggestion.refresh_from_db()
    assert suggestion.settled_at
    assert Merge.objects.count() == merges


def test_operators_look_and_do_not_join(enter, two) -> None:
    client = enter("operators")
    assert (
        client.post(f"/desk/ingest/paper/{two[0].pk}/join/", {"other": str(two[1].pk)}).status_code
        == 403
    )
    suggestion = Suggestion.objects.create(
        paper=two[0], other=two[1], likeness=900, suggested_at=world.NOON
    )
    assert client.post(f"/desk/ingest/suggestion/{suggestion.pk}/step/one/").status_code == 403
    assert not Merge.objects.exists()
