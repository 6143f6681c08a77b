"""Topics come from a file, twice without change, and show as a tree."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import Topic
from subscriptions.topics import BadTopics, load_topics, tree

pytestmark = pytest.mark.django_db

VISION = {
    "slug": "vision",
    "name": "Vision",
    "description": "Seeing.",
    "phrases": ["Image  Models"],
    "categories": ["cs.CV"],
    "parent": None,
}
VIDEO = {
    "slug": "video",
    "name": "Video",
    "description": "",
    "phrases": ["video"],
    "categories": [],
    "parent": "vision",
}


@pytest.fixture
def file(tmp_path):
    def write(*entries):
        path = tmp_path / "topics.json"
        path.write_text(json.dumps(list(entries)), encoding="utf-8")
        return path

    return write


def test_a_child_may_come_before_its_parent(file):
    load_topics(file(VIDEO, VISION))
    (branch,) = tree()
    assert (branch.topic.slug, [child.slug for child in branch.children]) == ("vision", ["video"])
    assert branch.topic.phrases == ["image models"]


def test_loading_twice_changes_nothing(file):
    load_topics(file(VISION, VIDEO))
    before = list(Topic.objects.values())
    loaded = load_topics(file(VISION, VIDEO))
    assert (loaded.new, loaded.known) == (0, 2)
    assert list(Topic.objects.values()) == before


def test_what_staff_changed_stays(file):
    load_topics(file(VISION, VIDEO))
    Topic.objects.filter(slug="vision").update(description="Pictures.", phrases=["pictures"])
    Topic.objects.filter(slug="video").update(parent=None, retired=True)
    before = list(Topic.objects.values())
    load_topics(file(VISION, VIDEO))
    assert list(Topic.objects.values()) == before


def test_a_new_topic_whose_name_staff_used_is_left_out_and_the_others_are_stored(file):
    Topic.objects.create(slug="seeing", name="Vision")
    loaded = load_topics(file(VISION, VIDEO))
    assert (loaded.new, loaded.name_taken) == (1, ("vision",))
    assert sorted(Topic.objects.values_list("slug", "parent")) == [
        ("seeing", None),
        ("video", None),
    ]


def test_the_child_of_a_retired_topic_is_still_offered(file):
    load_topics(file(VISION, VIDEO))
    Topic.objects.filter(slug="vision").update(retired=True)
    assert [branch.topic.slug for branch in tree()] == ["video"]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([VISION, VISION], "comes twice"),
        ([VISION, VISION | {"slug": "seeing"}], "name “Vision” comes twice"),
        ([VIDEO], "parent “vision”"),
        ([{"name": "No slug"}], "entry 1"),
    ],
)
def test_a_wrong_file_is_told_and_stores_nothing(file, entries, says):
    with pytest.raises(BadTopics, match=says):
        load_topics(file(*entries))
    assert not Topic.objects.exists()


def test_the_command_says_what_it_did_and_what_is_wrong(file, tmp_path):
    out = StringIO()
    call_command("load_topics", file(VISION, VIDEO), stdout=out)
    assert out.getvalue() == "2 topics are new, 0 were stored before.\n"
    Topic.objects.filter(slug="vision").update(slug="seeing")
    err = StringIO()
    call_command("load_topics", file(VISION, VIDEO), stdout=out, stderr=err)
    assert err.getvalue() == "Left out, because another topic has the same name: vision.\n"
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_topics", tmp_path / "absent.json")
