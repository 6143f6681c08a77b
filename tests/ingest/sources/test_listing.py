"""The listing page parser reads every quirk of the pages, and loses nothing where a page is
broken.
"""

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.sighting import Unreadable
from ingest.sources.listing import parse
from tests.ingest.pages import HEADER, facts, page

TODAY = date(2026, 11, 21)
LONG = "This abstract is long enough to be nothing else. " * 12


def read(content, **options):
    return parse(content, today=TODAY, **options)


def test_an_entry_becomes_a_sighting_on_the_day_of_the_page():
    parsed = read(page("A Title", "Its abstract.", facts(7, "Oct 5, 2022 3")), page_year=2025)
    (sighting,) = parsed.sightings
    assert (sighting.title, sighting.abstract, sighting.author_count) == (
        "A Title",
        "Its abstract.",
        7,
    )
    assert (sighting.published, sighting.year_inferred) == (date(2022, 10, 5), False)
    assert (sighting.day, sighting.line) == (date(2025, 12, 15), 13)
    assert not parsed.rejected
    assert not parsed.warnings


def test_the_number_after_a_date_counts_comments_and_no_votes():
    (sighting,) = read(
        page("A Title", "Its abstract.", facts(7, "Feb 26 2")), page_year=2025
    ).sightings
    (reading,) = sighting.readings
    assert (reading.comments, reading.votes, reading.rank) == (2, None, None)
    assert reading.seen_at == datetime(2025, 12, 15, tzinfo=UTC)
    assert sighting.published == date(2025, 2, 26)


def test_without_a_number_nothing_is_known_of_comments():
    (sighting,) = read(page("A Title", "Its abstract.", facts())).sightings
    assert sighting.readings == ()


@pytest.mark.parametrize(
    ("date_line", "options", "published", "inferred"),
    [
        ("Feb 14", {"page_year": 2024}, date(2024, 2, 14), False),
        ("Feb 14", {}, date(2025, 2, 14), True),
        ("Feb 14, 2023", {}, date(2023, 2, 14), False),
        ("Dec 15", {"page_year": 2024}, date(2024, 12, 15), False),
    ],
)
def test_a_date_without_a_year_is_of_the_year_of_the_page(date_line, options, published, inferred):
    (sighting,) = read(page("A Title", "Its abstract.", facts(date=date_line)), **options).sightings
    assert (sighting.published, sighting.year_inferred) == (published, inferred)


@pytest.mark.parametrize(
    "date_line", ["Dec 16", "Mar 3, 2025", "Mar 3, 2031", "Feb 30", "Feb 29, 2023"]
)
def test_a_date_that_contradicts_the_page_is_dropped_with_a_warning_and_the_paper_kept(date_line):
    parsed = read(page("A Title", "Its abstract.", facts(5, f"{date_line} 4")), page_year=2025)
    (sighting,) = parsed.sightings
    assert (sighting.published, sighting.author_count, sighting.readings[0].comments) == (
        None,
        5,
        4,
    )
    assert len(parsed.warnings) == 1
    assert date_line in parsed.warnings[0]


@pytest.mark.parametrize(
    ("page_date", "day"),
    [("Nov 21", date(2026, 11, 21)), ("Nov 22", date(2025, 11, 22)), ("Feb 29", date(2024, 2, 29))],
)
def test_without_a_year_the_page_is_of_the_latest_year_it_can_be_of(page_date, day):
    (sighting,) = read(page("A Title", "Its abstract.", date=page_date)).sightings
    assert sighting.day == day


def test_an_entry_without_facts_does_not_swallow_the_next():
    parsed = read(
        page("One", "Abstract one.", "Two", "Abstract two.", facts(3), "Three", "Abstract three.")
    )
    assert [(entry.title, entry.abstract, entry.author_count) for entry in parsed.sightings] == [
        ("One", "Abstract one.", None),
        ("Two", "Abstract two.", 3),
        ("Three", "Abstract three.", None),
    ]


@pytest.mark.parametrize(
    "header", [(), HEADER[:3], HEADER[:3] + HEADER[4:], (*HEADER, "A line nobody has seen before")]
)
def test_the_header_may_lack_lines_or_have_more(header):
    parsed = read(page("A Title", "Its abstract.", facts(), header=header))
    assert [entry.title for entry in parsed.sightings] == ["A Title"]
    assert not parsed.rejected


def test_a_page_without_a_date_is_of_the_day_of_import_and_says_so():
    parsed = read(page("A Title", "Its abstract.", facts(), date=""))
    assert parsed.sightings[0].day == TODAY
    assert "names no date" in parsed.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + page("A Title", "Its abstract.", facts()),
        page("A Title", "Its abstract.", facts()).replace(b"\n", b"\r\n"),
        page("A Title", "Its abstract.", facts()) + b"\n\n\n",
        page("A Title", "Its abstract.\n" + facts()),
        page("A Title", "Its abstract.", facts().replace("\n", "\n\n")),
        page("A Title", "Its abstract.", facts().replace("  •", "\t•\u00a0")),
        page("A Title", "Its\nabstract.", facts()).replace(b"\n\n", b"\n\n\n"),
    ],
)
def test_line_ends_and_spacing_do_not_matter(content):
    parsed = read(content)
    (sighting,) = parsed.sightings
    assert (sighting.title, sighting.abstract, sighting.author_count) == (
        "A Title",
        "Its abstract.",
        7,
    )
    assert sighting.published == date(2022, 10, 5)
    assert not parsed.rejected


def test_one_author_may_be_called_authors():
    assert (
        read(page("A Title", "Its abstract.", "  • 1 authors\n·\nOct 5, 2022"))
        .sightings[0]
        .author_count
        == 1
    )


@pytest.mark.parametrize(
    ("blocks", "line", "words"),
    [
        (("Alone", facts()), 13, "abstract is missing"),
        (("One", LONG, facts(), "Alone"), 21, "abstract is missing"),
        (("Alone", "One", LONG, facts()), 13, "abstract is missing"),
        ((LONG, "One", LONG, facts()), 13, "title is missing"),
        ((facts(), "One", LONG), 13, "without a title"),
        (("\u202e", LONG, facts()), 13, "nothing that can be read"),
    ],
)
def test_a_broken_entry_is_rejected_with_its_line_and_reason(blocks, line, words):
    parsed = read(
        page(*blocks, "Last", "Its abstract.", facts(2)) if blocks[-1] != "Alone" else page(*blocks)
    )
    (rejected,) = parsed.rejected
    assert rejected.line == line
    assert words in rejected.reason


def test_the_entries_beside_a_broken_one_go_in():
    parsed = read(page("One", LONG, "Alone", "Two", LONG, facts(2), "Three", LONG))
    assert [entry.title for entry in parsed.sightings] == ["One", "Two", "Three"]
    assert [entry.excerpt for entry in parsed.rejected] == ["Alone"]


def test_one_bad_byte_costs_one_entry():
    parsed = read(
        page("One", "Abstract one.", "Two", "Caf\u00e9.", "Three", "Abstract three.").replace(
            b"\xc3\xa9", b"\xe9"
        )
    )
    assert [entry.title for entry in parsed.sightings] == ["One", "Three"]
    assert "not UTF-8" in parsed.rejected[0].reason


@pytest.mark.parametrize(
    "lines",
    [
        "  • many authors\n·\nOct 5, 2022",
        "  • 0 authors\n·\nOct 5, 2022",
        "  • 99999 authors\n·\nOct 5, 2022",
    ],
)
def test_authors_that_cannot_be_counted_are_left_out_with_a_warning(lines):
    parsed = read(page("A Title", "Its abstract.", lines))
    (sighting,) = parsed.sightings
    assert (sighting.author_count, sighting.published) == (None, date(2022, 10, 5))
    assert len(parsed.warnings) == 1


@pytest.mark.parametrize(
    "lines", ["  • 7 authors\n·", "  • 7 authors", "  • 7 authors\n·\nSometime in May"]
)
def test_a_missing_date_is_left_out_with_a_warning(lines):
    parsed = read(page("A Title", "Its abstract.", lines, "Next", "Its abstract."))
    assert [(entry.title, entry.author_count, entry.published) for entry in parsed.sightings] == [
        ("A Title", 7, None),
        ("Next", None, None),
    ]
    assert len(parsed.warnings) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n ",
        b"%PDF-1.7\0\x01",
        "Titel".encode("utf-16"),
        b"<!DOCTYPE html><p>x",
        b'[{"paper": 1}]',
        b"\xe9\xe8\n\n\xe9",
    ],
)
def test_what_is_no_page_is_refused_with_what_it_is(content):
    with pytest.raises(Unreadable, match=r"\w"):
        read(content)


def test_text_is_never_taken_for_markup_and_tex_becomes_readable():
    title = r"A <b>Bold</b> & {\em not} 100\% Title of 50% more"
    assert (
        read(page(title, "x < y & z")).sightings[0].title
        == "A <b>Bold</b> & not 100% Title of 50% more"
    )


@given(st.binary(max_size=400))
@example(b"\x85\n\n\xe2\x80\xa2 1 authors")
def test_any_bytes_are_read_or_refused_and_every_entry_is_accounted_for(content):
    try:
        parsed = read(content)
    except Unreadable:
        return
    assert parsed.sightings or parsed.rejected or parsed.warnings


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="•·<[{"),
    min_size=1,
    max_size=12,
)
TITLES = st.lists(WORDS, min_size=2, max_size=8).map(" ".join)
ENTRIES = st.lists(
    st.tuples(
        TITLES,
        TITLES,
        st.none()
        | st.tuples(
            st.integers(1, 900),
            st.dates(date(1995, 1, 1), date(2024, 12, 31)),
            st.none() | st.integers(0, 500),
        ),
    ),
    min_size=1,
    max_size=8,
)


@given(ENTRIES)
def test_a_page_that_was_written_by_the_grammar_is_read_back_whole(entries):
    blocks = []
    for title, abstract, known in entries:
        blocks += [f"T {title}", f"A {abstract}"]
        if known:
            authors, published, comments = known
            number = "" if comments is None else f" {comments}"
            blocks.append(
                facts(authors, f"{published:%b} {published.day}, {published.year}{number}")
            )
    parsed = read(page(*blocks), page_year=2025)
    assert not parsed.rejected
    assert not parsed.warnings
    assert len(parsed.sightings) == len(entries)
    for sighting, (_, _, known) in zip(parsed.sightings, entries, strict=True):
        found = (
            sighting.author_count,
            sighting.published,
            sighting.readings[0].comments if sighting.readings else None,
        )
        assert found == (known or (None, None, None))


def test_the_shared_pages_are_read_whole(shared_folder):
    pages = sorted((shared_folder / "seeds").glob("*.txt"))
    parsed = [read(path.read_bytes(), page_year=2025) for path in pages]
    assert [len(each.sightings) for each in parsed] == [6, 36, 39]
    assert [len(each.rejected) + len(each.warnings) for each in parsed] == [0, 0, 0]
    assert [sum(entry.author_count is not None for entry in each.sightings) for each in parsed] == [
        6,
        35,
        0,
    ]
    assert [sum(bool(entry.readings) for entry in each.sightings) for each in parsed] == [0, 3, 0]
    assert [
        len([entry for entry in read(path.read_bytes()).sightings if entry.year_inferred])
        for path in pages
    ] == [2, 6, 0]
