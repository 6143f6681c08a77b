"""Any feed's entries become papers, known by whatever id they carry."""

from datetime import UTC, date, datetime

import pytest

from ingest.sources.feed import AnyFeed
from ingest.sources.markup import text_of_html
from tests.ingest.samples import rss, rss_item

SEEN_AT = datetime(2025, 1, 10, 6, tzinfo=UTC)


def read(*items):
    return AnyFeed().parse(rss(*items), {"url": "https://example.org/feed.xml"}, {}, SEEN_AT)


def test_an_entry_is_listed_on_the_day_it_was_published():
    page = read(
        rss_item(
            pubDate="Thu, 09 Jan 2025 08:00:00 GMT",
            description="&lt;p&gt;It &lt;b&gt;says&lt;/b&gt; &amp;amp; shows.&lt;/p&gt;",
        )
    )
    (sighting,) = page.parsed.sightings
    assert (sighting.day, sighting.published) == (date(2025, 1, 9), date(2025, 1, 9))
    assert (sighting.abstract, sighting.link) == ("It says & shows.", "https://example.org/a")
    assert page.whole


@pytest.mark.parametrize(
    ("fields", "arxiv_id", "doi"),
    [
        ({"link": "https://arxiv.org/abs/2501.00001v2"}, "2501.00001", None),
        ({"link": "https://doi.org/10.1000/ABC"}, None, "10.1000/abc"),
        ({"prism:doi": "10.1000/abc"}, None, "10.1000/abc"),
        ({"dc:identifier": "doi:10.1000/abc"}, None, "10.1000/abc"),
        ({"guid": "oai:arXiv.org:2501.00001v1"}, "2501.00001", None),
        ({}, None, None),
    ],
)
def test_ids_are_found_where_publishers_put_them(fields, arxiv_id, doi):
    (sighting,) = read(rss_item(**fields)).parsed.sightings
    assert (sighting.arxiv_id, sighting.doi) == (arxiv_id, doi)


def test_an_entry_without_a_title_is_rejected_and_the_others_go_in():
    page = read(rss_item(" "), rss_item("A Good Title of Some Length"))
    assert [entry.title for entry in page.parsed.sightings] == ["A Good Title of Some Length"]
    assert page.parsed.rejected[0].line == 1


@pytest.mark.parametrize(
    "day", ["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT", "soon", ""]
)
def test_a_date_that_cannot_be_is_left_out_with_a_warning(day):
    page = read(rss_item(pubDate=day))
    assert (page.parsed.sightings[0].published, page.parsed.sightings[0].day) == (
        None,
        SEEN_AT.date(),
    )
    assert len(page.parsed.warnings) == 1


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain < text", "plain < text"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b", "a\n\nb"),
        ("x<script>alert(1)</script>y<style>p{}</style>z", "xyz"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<b>un<i>closed", "unclosed"),
        ("before <!-- hidden --> after", "before  after"),
        ("<div>" * 400 + "deep", "deep"),
    ],
)
def test_markup_becomes_its_words(markup, text):
    assert text_of_html(markup) == text
