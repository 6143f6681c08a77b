"""The Daily Papers parser takes what is there, and no wrong or missing field stops a record or its neighbours."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sighting import Unreadable
from ingest.sources.huggingface import parse
from tests.ingest.pages import answer, daily_paper

SEEN_AT = datetime(2025, 1, 9, 17, 8, tzinfo=UTC)


def read(*records, **options):
    return parse(answer(*records), seen_at=SEEN_AT, **options)


def test_a_record_becomes_a_sighting_with_its_votes():
    parsed = read(daily_paper())
    (sighting,) = parsed.sightings
    assert not parsed.warnings
    assert (sighting.arxiv_id, sighting.title, sighting.abstract) == (
        "2501.01234",
        "An Invented Title of 2501.01234",
        "An invented abstract.",
    )
    assert (sighting.authors, sighting.author_count) == (("Ada Example", "Bo Sample"), 2)
    assert (sighting.day, sighting.published) == (date(2025, 1, 9), date(2025, 1, 8))
    assert (sighting.code_link, sighting.project_link) == ("https://github.com/example/repo", "https://example.org/p")
    (reading,) = sighting.readings
    assert (reading.seen_at, reading.votes, reading.comments, reading.rank) == (SEEN_AT, 12, 2, None)


def test_only_id_and_title_are_needed():
    parsed = read({"paper": {"id": "2501.01234", "title": "Bare"}}, day=date(2025, 1, 9))
    (sighting,) = parsed.sightings
    assert (sighting.title, sighting.day, sighting.readings, sighting.authors) == ("Bare", date(2025, 1, 9), (), ())
    assert "no day of appearance" in parsed.warnings[0]


def test_every_optional_field_may_be_null():
    record = daily_paper()
    nulls = {f"paper__{name}": None for name in record["paper"] if name not in {"id", "title"}}
    (sighting,) = read(daily_paper(**nulls, publishedAt=None, title=None, numComments=None, organization=None)).sightings
    assert (sighting.abstract, sighting.author_count, sighting.readings) == ("", None, ())


@pytest.mark.parametrize("wrong", [[], {}, "x", -1, 1.5, True, 10**30, float("inf")])
def test_a_field_of_the_wrong_kind_is_left_out_with_a_warning(wrong):
    parsed = read(daily_paper(paper__upvotes=wrong))
    (sighting,) = parsed.sightings
    assert (sighting.readings[0].votes, sighting.readings[0].comments) == (None, 2)
    assert parsed.warnings == ("Record 1: “upvotes” is no count; left out.",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"paper": None}, "no paper"),
        ({"paper__id": None}, "no arXiv id"),
        ({"paper__id": "../../etc"}, "no arXiv id"),
        ({"paper__title": " ", "title": None}, "title is missing"),
    ],
)
def test_a_malformed_record_is_rejected_with_its_place_and_the_others_go_in(changes, reason):
    parsed = read(daily_paper("2501.00001"), daily_paper(**changes), "no record", daily_paper("2501.00002"))
    assert [sighting.arxiv_id for sighting in parsed.sightings] == ["2501.00001", "2501.00002"]
    assert [rejected.line for rejected in parsed.rejected] == [2, 3]
    assert reason in parsed.rejected[0].reason


def test_the_day_asked_for_is_not_believed_where_the_record_names_its_own():
    (sighting,) = read(daily_paper(paper__submittedOnDailyAt="2025-01-07T23:59:00.000Z"), day=date(2025, 1, 9)).sightings
    assert sighting.day == date(2025, 1, 7)


@pytest.mark.parametrize("instant", ["1970-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "2025-13-01", "soon", 5])
def test_dates_that_cannot_be_are_left_out_with_a_warning(instant):
    parsed = read(daily_paper(paper__publishedAt=instant, paper__submittedOnDailyAt=instant), day=date(2025, 1, 9))
    (sighting,) = parsed.sightings
    assert (sighting.published, sighting.day) == (None, date(2025, 1, 9))
    assert len(parsed.warnings) == 3


def test_the_shifted_publication_date_of_the_envelope_is_never_used():
    (sighting,) = read(daily_paper(paper__publishedAt=None)).sightings
    assert sighting.published is None


def test_hidden_authors_are_left_out():
    (sighting,) = read(
        daily_paper(paper__authors=[{"name": "Ada Example"}, {"name": "Bo Sample", "hidden": True}, {"name": None}, 7])
    ).sightings
    assert (sighting.authors, sighting.author_count) == (("Ada Example",), 1)


@pytest.mark.parametrize(
    ("given_link", "link"),
    [
        ("example/repo", "https://github.com/example/repo"),
        ("https://gitlab.com/a/b", "https://gitlab.com/a/b"),
        ("javascript:x", ""),
        ("", ""),
    ],
)
def test_code_is_linked_by_address_or_by_owner_and_name(given_link, link):
    assert read(daily_paper(paper__githubRepo=given_link)).sightings[0].code_link == link


def test_withdrawn_papers_say_since_when():
    (sighting,) = read(daily_paper(paper__withdrawnAt="2025-01-09T10:00:00.000Z")).sightings
    assert sighting.withdrawn_at == datetime(2025, 1, 9, 10, tzinfo=UTC)


def test_hostile_text_is_cleaned():
    (sighting,) = read(daily_paper(paper__title="A\ud800 T\u202eitle\x0bBcc: x", paper__summary="n\x00ul")).sightings
    assert (sighting.title, sighting.abstract) == ("A Title Bcc: x", "nul")


def test_an_empty_day_is_no_error():
    assert read().sightings == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<html><body>502</body></html>", "HTML"),
        (b'[{"paper": {"id"', "broken or cut short"),
        (b'{"error": "nope"}', "no JSON array"),
        ('[{"title": "Caf\u00e9"}]'.encode("latin-1"), "not UTF-8"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_what_is_no_list_of_papers_is_refused_with_what_it_is(content, words):
    with pytest.raises(Unreadable, match=words):
        parse(content, seen_at=SEEN_AT)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
FIELDS = st.sampled_from(sorted(daily_paper()["paper"]))


@given(st.dictionaries(FIELDS, JSON), JSON)
def test_any_json_in_any_field_is_read_or_rejected(fields, comments):
    changes = {f"paper__{name}": value for name, value in fields.items()}
    parsed = parse(json.dumps([daily_paper(**changes, numComments=comments)]).encode(), seen_at=SEEN_AT)
    assert len(parsed.sightings) + len(parsed.rejected) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    try:
        parse(content, seen_at=SEEN_AT)
    except Unreadable:
        return
