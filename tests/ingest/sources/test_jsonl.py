"""JSON Lines bring papers, days of papers and whole vote histories; a broken line costs itself."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sighting import Reading
from ingest.sources import jsonl

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)


def read(*values):
    return jsonl.parse(
        [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values],
        now=NOW,
    )


def test_a_line_is_a_paper_with_its_vote_history():
    (sighting,) = read(
        {
            "title": "A Title",
            "arxiv_id": "2501.00001v2",
            "day": "2025-01-09",
            "authors": ["Ada Example"],
            "categories": ["cs.AI"],
            "counts": [["2025-01-09T10:00:00Z", 5, 1], ["2025-01-10T10:00:00Z", 9, 2, 3]],
        }
    ).sightings
    assert (sighting.arxiv_id, sighting.arxiv_version, sighting.day, sighting.author_count) == (
        "2501.00001",
        2,
        date(2025, 1, 9),
        1,
    )
    assert sighting.readings == (
        Reading(datetime(2025, 1, 9, 10, tzinfo=UTC), 5, 1),
        Reading(datetime(2025, 1, 10, 10, tzinfo=UTC), 9, 2, 3),
    )
    assert sighting.seen_at == datetime(2025, 1, 10, 10, tzinfo=UTC)


def test_a_line_may_be_a_day_with_its_papers_under_foreign_names():
    parsed = read(
        {
            "date": "2025-01-09",
            "papers": [
                {"id": "2501.00001", "title": "One", "upvotes": 7, "comments": 1},
                {"title": "Two"},
            ],
        }
    )
    assert [(entry.title, entry.day, entry.line) for entry in parsed.sightings] == [
        ("One", date(2025, 1, 9), 1),
        ("Two", date(2025, 1, 9), 1),
    ]
    assert parsed.sightings[0].readings == (
        Reading(datetime(2025, 1, 9, 23, 59, 59, tzinfo=UTC), 7, 1),
    )


def test_what_was_seen_today_was_not_seen_later_than_now():
    (sighting,) = read({"title": "A Title", "day": "2025-01-20", "votes": 1}).sightings
    assert sighting.readings[0].seen_at == NOW


def test_a_paper_without_a_day_is_described_and_not_listed():
    assert read({"title": "A Title"}).sightings[0].day is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "no JSON"),
        (b"[1, 2]", "no paper"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ({"abstract": "x"}, "title is missing"),
        ({"title": "x", "day": "2099-01-01"}, "day is none"),
        ({"title": "x", "day": "1970-01-01"}, "day is none"),
        ({"papers": [5]}, "no paper"),
        (b'{"title": "' + b"x" * jsonl.LONGEST_LINE, "longer than"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_with_its_number(line, reason):
    parsed = read({"title": "Good"}, line, {"title": "Also good"})
    assert [entry.title for entry in parsed.sightings] == ["Good", "Also good"]
    (rejected,) = parsed.rejected
    assert rejected.line == 2
    assert reason in rejected.reason


def test_a_wrong_id_is_left_out_with_a_warning():
    parsed = read({"title": "A Title", "arxiv_id": "nonsense"})
    assert parsed.sightings[0].arxiv_id is None
    assert "no arXiv id" in parsed.warnings[0]


@pytest.mark.parametrize("counts", [[["soon", 5]], [[]], ["x"], [[None, 1]]])
def test_a_count_without_an_instant_is_left_out_with_a_warning(counts):
    parsed = read({"title": "A Title", "day": "2025-01-09", "counts": counts})
    assert parsed.sightings[0].readings == ()
    assert parsed.warnings


def test_empty_lines_are_nothing():
    assert read(b"", b"  \n") == jsonl.parse([], now=NOW)


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_any_lines_are_read_or_rejected(lines):
    parsed = jsonl.parse(lines, now=NOW)
    assert len(parsed.sightings) + len(parsed.rejected) == len(
        [line for line in lines if line.strip()]
    )


def test_authors_may_be_objects_with_names_and_what_is_no_name_is_left_out():
    parsed = read(
        {
            "title": "A Title",
            "authors": ["Ada Example", {"name": "Bo Sample"}, None, 7, {"name": None}],
        }
    )
    assert parsed.sightings[0].authors == ("Ada Example", "Bo Sample")
    assert len(parsed.warnings) == 1
