"""The Daily Papers parser takes what is there, and no wrong or missing field stops a record or
its neighbours.
"""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sighting import Unreadable
from ingest.sources.huggingface import MOST_PAGES, DailyPapers, parse, spans
from ingest.sources.protocol import Window
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
    assert (sighting.code_link, sighting.project_link) == (
        "https://github.com/example/repo",
        "https://example.org/p",
    )
    (reading,) = sighting.readings
    assert (reading.seen_at, reading.votes, reading.comments, reading.rank) == (
        SEEN_AT,
        12,
        2,
        None,
    )


def test_only_id_and_title_are_needed():
    parsed = read({"paper": {"id": "2501.01234", "title": "Bare"}}, day=date(2025, 1, 9))
    (sighting,) = parsed.sightings
    assert (sighting.title, sighting.day, sighting.readings, sighting.authors) == (
        "Bare",
        date(2025, 1, 9),
        (),
        (),
    )
    assert "no day of appearance" in parsed.warnings[0]


def test_every_optional_field_may_be_null():
    record = daily_paper()
    nulls = {f"paper__{name}": None for name in record["paper"] if name not in {"id", "title"}}
    (sighting,) = read(
        daily_paper(**nulls, publishedAt=None, title=None, numComments=None, organization=None)
    ).sightings
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
    parsed = read(
        daily_paper("2501.00001"), daily_paper(**changes), "no record", daily_paper("2501.00002")
    )
    assert [sighting.arxiv_id for sighting in parsed.sightings] == ["2501.00001", "2501.00002"]
    assert [rejected.line for rejected in parsed.rejected] == [2, 3]
    assert reason in parsed.rejected[0].reason


def test_the_day_asked_for_is_not_believed_where_the_record_names_its_own():
    (sighting,) = read(
        daily_paper(paper__submittedOnDailyAt="2025-01-07T23:59:00.000Z"), day=date(2025, 1, 9)
    ).sightings
    assert sighting.day == date(2025, 1, 7)


@pytest.mark.parametrize(
    "instant", ["1970-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "2025-13-01", "soon", 5]
)
def test_dates_that_cannot_be_are_left_out_with_a_warning(instant):
    parsed = read(
        daily_paper(paper__publishedAt=instant, paper__submittedOnDailyAt=instant),
        day=date(2025, 1, 9),
    )
    (sighting,) = parsed.sightings
    assert (sighting.published, sighting.day) == (None, date(2025, 1, 9))
    assert len(parsed.warnings) == 3


def test_the_shifted_publication_date_of_the_envelope_is_never_used():
    (sighting,) = read(daily_paper(paper__publishedAt=None)).sightings
    assert sighting.published is None


def test_hidden_authors_are_left_out():
    (sighting,) = read(
        daily_paper(
            paper__authors=[
                {"name": "Ada Example"},
                {"name": "Bo Sample", "hidden": True},
                {"name": None},
                7,
            ]
        )
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
    (sighting,) = read(
        daily_paper(paper__title="A\ud800 T\u202eitle\x0bBcc: x", paper__summary="n\x00ul")
    ).sightings
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
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = st.sampled_from(sorted(daily_paper()["paper"]))


@pytest.mark.slow
@settings(max_examples=40)
@given(st.dictionaries(FIELDS, JSON), JSON)
def test_any_json_in_any_field_is_read_or_rejected(fields, comments):
    changes = {f"paper__{name}": value for name, value in fields.items()}
    parsed = parse(
        json.dumps([daily_paper(**changes, numComments=comments)]).encode(), seen_at=SEEN_AT
    )
    assert len(parsed.sightings) + len(parsed.rejected) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    try:
        parse(content, seen_at=SEEN_AT)
    except Unreadable:
        return


KIND = DailyPapers()


def position(first, last):
    return KIND.first(Window(date.fromisoformat(first), date.fromisoformat(last)), {})


def test_a_day_is_asked_for_page_by_page_until_an_empty_one():
    first = position("2025-01-09", "2025-01-09")
    assert (
        KIND.request(first, {}, "").url
        == "https://huggingface.co/api/daily_papers?date=2025-01-09&p=0&limit=100"
    )
    page = KIND.parse(answer(daily_paper()), first, {}, SEEN_AT)
    assert "p=1" in KIND.request(page.following, {}, "").url
    assert KIND.parse(answer(), page.following, {}, SEEN_AT).following is None


def test_days_are_asked_for_newest_first():
    page = KIND.parse(answer(), position("2025-01-08", "2025-01-09"), {}, SEEN_AT)
    assert "date=2025-01-08" in KIND.request(page.following, {}, "").url


def test_pages_that_repeat_themselves_end_with_a_warning():
    page = KIND.parse(answer(daily_paper()), position("2025-01-09", "2025-01-09"), {}, SEEN_AT)
    again = KIND.parse(answer(daily_paper()), page.following, {}, SEEN_AT)
    assert again.following is None
    assert "same as the page before" in again.parsed.warnings[0]


def test_pages_without_end_are_not_asked_for_without_end():
    at = {**position("2025-01-09", "2025-01-09"), "page": MOST_PAGES - 1}
    assert KIND.parse(answer(daily_paper()), at, {}, SEEN_AT).following is None


def test_the_key_goes_into_a_header():
    assert (
        KIND.request(position("2025-01-09", "2025-01-09"), {}, "hf_secret").authorization
        == "Bearer hf_secret"
    )


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-01-09", "2025-01-09", [["date", "2025-01-09"]]),
        ("2025-01-06", "2025-01-12", [["week", "2025-W02"]]),
        ("2025-01-01", "2025-01-31", [["month", "2025-01"]]),
        ("2025-01-31", "2025-02-28", [["month", "2025-02"], ["date", "2025-01-31"]]),
        ("2021-01-02", "2021-01-03", [["date", "2021-01-03"], ["date", "2021-01-02"]]),
    ],
)
def test_long_windows_are_covered_by_months_weeks_and_days(first, last, expected):
    assert spans(Window(date.fromisoformat(first), date.fromisoformat(last))) == expected


def test_a_week_53_is_asked_for_by_its_days():
    assert {unit for unit, _ in spans(Window(date(2020, 12, 28), date(2021, 1, 3)))} == {"date"}


@given(st.dates(date(2023, 1, 1), date(2026, 1, 1)), st.integers(0, 120))
def test_every_day_of_a_window_is_covered_once(first, length):
    covered = []
    for unit, value in spans(Window(first, first + timedelta(days=length))):
        start = date.fromisoformat(
            {"date": value, "week": f"{value}-1", "month": f"{value}-01"}[unit]
        )
        end = {
            "date": start,
            "week": start + timedelta(days=6),
            "month": (start + timedelta(days=32)).replace(day=1) - timedelta(days=1),
        }[unit]
        covered += [start + timedelta(days=number) for number in range((end - start).days + 1)]
    assert sorted(covered) == [first + timedelta(days=number) for number in range(length + 1)]
