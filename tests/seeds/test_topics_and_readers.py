"""The default topics are a tidy tree, and the demo readers chose what exists."""

import json
import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.seeds.files import SEEDS, newest_page_day


@pytest.fixture(scope="module")
def topics() -> list[dict]:
    return json.loads((SEEDS / "topics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def readers() -> list[dict]:
    return json.loads((SEEDS / "readers.json").read_text(encoding="utf-8"))


def test_topics_form_a_tree_of_two_levels(topics):
    roots = {topic["slug"] for topic in topics if topic["parent"] is None}
    assert len(topics) >= 40
    assert {topic["parent"] for topic in topics} - {None} == roots
    for field in ("slug", "name", "description"):
        assert len({topic[field] for topic in topics}) == len(topics)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", topic["slug"]) for topic in topics)
    assert all(
        topic["description"].endswith(".") and len(topic["description"]) <= 300 for topic in topics
    )


def test_a_phrase_is_lower_case_and_belongs_to_one_topic(topics):
    phrases = [phrase for topic in topics for phrase in topic["phrases"]]
    assert len(phrases) == len(set(phrases))
    assert all(phrase == " ".join(phrase.casefold().split()) and phrase for phrase in phrases)
    assert all(4 <= len(topic["phrases"]) <= 12 for topic in topics)


def test_categories_are_arxiv_categories(topics):
    form = re.compile(
        r"(cs|eess|econ|math|stat|q-bio|q-fin|physics|cond-mat|astro-ph|quant-ph)(\.[A-Za-z-]+)?"
    )
    assert all(topic["categories"] for topic in topics)
    assert [
        category
        for topic in topics
        for category in topic["categories"]
        if not form.fullmatch(category)
    ] == []


def test_twelve_readers_with_addresses_that_reach_nobody(readers):
    assert len(readers) == 12
    assert len({reader["email"] for reader in readers}) == 12
    assert all(
        re.fullmatch(r"[a-z]+@(example\.org|[a-z]+\.example)", reader["email"])
        for reader in readers
    )


def test_readers_choose_what_exists(readers, topics):
    slugs = {topic["slug"] for topic in topics}
    for reader in readers:
        assert 1 <= len(reader["topics"]) == len(set(reader["topics"])) <= 5
        assert set(reader["topics"]) <= slugs
        assert reader["timezone"] in zoneinfo.available_timezones()
        assert reader["cadence"] in {"daily", "weekdays", "weekly"}
        assert reader["hour"] in range(24)
        assert reader["balance"] in range(101)
        assert reader["papers_per_digest"] in range(3, 11)
        assert reader["minimum_votes"] >= 0
        assert reader["language"] == "en"


def test_readers_differ(readers):
    assert len({reader["timezone"] for reader in readers}) == 12
    assert {reader["cadence"] for reader in readers} == {"daily", "weekdays", "weekly"}
    assert len({tuple(reader["topics"]) for reader in readers}) == 12
    assert any(reader["muted"] for reader in readers)
    assert any(reader["phrases"] for reader in readers)
    noon = datetime(2025, 1, 13, 12, tzinfo=UTC)
    offsets = {
        noon.astimezone(zoneinfo.ZoneInfo(reader["timezone"])).utcoffset() for reader in readers
    }
    assert any(offset % timedelta(hours=1) for offset in offsets)


def test_readers_on_weekdays_have_their_slot_on_a_weekday(readers, settings):
    """The slot rule: the first local hour a reader wants at or after the nominal instant of the
    demo's edition.
    """
    nominal = datetime.combine(newest_page_day(), time(settings.EDITION_HOUR), UTC)
    hours = [nominal + timedelta(hours=after) for after in range(26)]
    for reader in readers:
        if reader["cadence"] == "weekdays":
            zone = zoneinfo.ZoneInfo(reader["timezone"])
            slot = next(hour for hour in hours if hour.astimezone(zone).hour == reader["hour"])
            assert slot.astimezone(zone).weekday() < 5
