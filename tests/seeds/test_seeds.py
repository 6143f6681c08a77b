"""The sample papers keep their promises: grammar, shape, and facts that do not contradict each
other.
"""

import re
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from tests.seeds.files import (
    MONTHS,
    PAGE_YEAR,
    PAGES,
    READINGS,
    folded,
    newest_page_day,
    page_parts,
    reading,
    summaries,
)

SENTENCE_END = re.compile(r"[.?!](?=\s|$)")


def test_at_least_seventy_papers_each_with_one_summary():
    found = summaries()
    assert len(found) >= 70
    assert [title for title, texts in found.items() if len(texts) > 1] == []


def test_a_summary_has_two_to_four_sentences():
    counts = {
        title: len(SENTENCE_END.findall(text))
        for title, texts in summaries().items()
        for text in texts
    }
    assert {title: count for title, count in counts.items() if not 2 <= count <= 4} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_keeps_the_grammar_and_repeats_nothing(page):
    _day, entries = page_parts(page)
    titles = [folded(entry["title"]) for entry in entries]
    assert len(titles) == len(set(titles)) >= 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_no_odd_bytes(page):
    text = page.read_bytes().decode("utf-8")
    assert {character for character in text if not character.isascii()} <= {"•", "·"}
    assert not set(text) & {"\t", "\r"}
    assert text == text.rstrip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_dates_of_a_page_do_not_contradict_it(page):
    page_day, entries = page_parts(page)
    assert page.stem == page_day.isoformat()
    for entry in entries:
        if entry["meta"]:
            assert entry["year"] is None or int(entry["year"]) < PAGE_YEAR
            published = date(
                int(entry["year"] or PAGE_YEAR), MONTHS.index(entry["month"]) + 1, int(entry["day"])
            )
            assert published <= page_day


def test_the_pages_show_every_form_an_entry_can_have():
    entries = [entry for page in PAGES for entry in page_parts(page)[1]]
    assert any(not entry["meta"] for entry in entries)
    assert any(entry["year"] for entry in entries)
    assert any(entry["meta"] and not entry["year"] for entry in entries)
    assert any(entry["comments"] for entry in entries)


def test_some_papers_give_the_merge_gaps_to_fill():
    with_meta, without_meta = set(), set()
    for page in PAGES:
        for entry in page_parts(page)[1]:
            (with_meta if entry["meta"] else without_meta).add(folded(entry["title"]))
    listed_by_the_api = {
        folded(item["paper"]["title"]) for path in READINGS for item in reading(path)[2]
    }
    assert with_meta & without_meta
    assert without_meta & listed_by_the_api
    assert listed_by_the_api - with_meta - without_meta


@pytest.mark.parametrize("path", READINGS, ids=lambda path: path.name)
def test_a_reading_has_the_shape_of_the_api_and_nothing_about_submitters(path):
    day, read_at, items = reading(path)
    assert read_at.date() >= day
    assert len({item["paper"]["id"] for item in items}) == len(items) > 0
    for item in items:
        paper = item["paper"]
        assert set(item) == {
            "paper",
            "publishedAt",
            "title",
            "summary",
            "thumbnail",
            "numComments",
            "isAuthorParticipating",
        }
        assert set(paper) == {"id", "authors", "publishedAt", "title", "summary", "upvotes"}
        assert re.fullmatch(r"\d{4}\.\d{5}", paper["id"])
        assert datetime.fromisoformat(paper["publishedAt"]) < read_at
        assert (item["title"], item["summary"]) == (paper["title"], paper["summary"])
        assert paper["authors"]
        assert all(
            set(author) == {"name", "hidden"} and author["name"] for author in paper["authors"]
        )


def test_the_two_days_are_consecutive_and_were_read_again():
    days = [reading(path)[0] for path in READINGS]
    assert sorted(set(days)) == [min(days), min(days) + timedelta(days=1)]
    assert all(days.count(day) > 1 for day in days)


def test_votes_and_comments_only_grow_between_readings():
    growing = set()
    for earlier, later in pairwise(READINGS):
        (day, read_before, before), (same_day, read_after, after) = reading(earlier), reading(later)
        if day != same_day:
            continue
        assert read_before < read_after
        counts = {
            item["paper"]["id"]: (item["paper"]["upvotes"], item["numComments"]) for item in after
        }
        for item in before:
            paper = item["paper"]
            assert counts[paper["id"]][0] >= paper["upvotes"]
            assert counts[paper["id"]][1] >= item["numComments"]
            if counts[paper["id"]][0] > paper["upvotes"]:
                growing.add(day)
    assert growing == {reading(path)[0] for path in READINGS}


def test_everything_was_read_before_the_newest_page_day():
    assert all(reading(path)[1].date() < newest_page_day() for path in READINGS)
