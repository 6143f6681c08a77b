"""The product's parsers read the seed files as the tests' own patterns do, which were written
apart from them.
"""

from datetime import date

import pytest

from ingest.sources import huggingface, listing
from tests.seeds.files import MONTHS, PAGE_YEAR, PAGES, READINGS, page_parts, reading


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_read_entry_by_entry_as_its_pattern_says(page):
    day, entries = page_parts(page)
    parsed = listing.parse(page.read_bytes(), today=date(PAGE_YEAR, 12, 31), page_year=PAGE_YEAR)
    assert (parsed.rejected, parsed.warnings) == ((), ())
    assert {sighting.day for sighting in parsed.sightings} == {day}
    assert [facts(sighting) for sighting in parsed.sightings] == [
        expected(entry) for entry in entries
    ]


def facts(sighting):
    comments = [reading.comments for reading in sighting.readings]
    return sighting.title, sighting.abstract, sighting.author_count, sighting.published, comments


def expected(entry):
    published = entry["meta"] and date(
        int(entry["year"] or PAGE_YEAR), MONTHS.index(entry["month"]) + 1, int(entry["day"])
    )
    comments = [int(entry["comments"])] if entry["comments"] else []
    return (
        entry["title"],
        entry["summary"],
        entry["meta"] and int(entry["authors"]),
        published,
        comments,
    )


@pytest.mark.parametrize("path", READINGS, ids=lambda path: path.name)
def test_a_reading_is_read_record_by_record_as_its_json_says(path):
    day, read_at, items = reading(path)
    parsed = huggingface.parse(path.read_bytes(), seen_at=read_at, day=day)
    assert not parsed.rejected
    assert ["no day of appearance" in warning for warning in parsed.warnings] == [True] * len(
        items
    )  # the file's name says the day
    assert [
        (sighting.arxiv_id, sighting.title, sighting.day, sighting.readings[0].votes)
        for sighting in parsed.sightings
    ] == [
        (item["paper"]["id"], item["paper"]["title"], day, item["paper"]["upvotes"])
        for item in items
    ]
