"""What every source that is asked over the network promises, tried on each of them."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cleaning import body, one_line
from ingest.sighting import Sighting, Unreadable
from ingest.sources.protocol import BadOptions, Window
from ingest.sources.registry import KINDS
from tests.ingest.pages import answer, daily_paper
from tests.ingest.samples import arxiv_entry, arxiv_feed, oai, oai_record, rss, rss_item

SEEN_AT = datetime(2025, 1, 10, 6, tzinfo=UTC)
WINDOW = Window(date(2025, 1, 6), date(2025, 1, 10))
OPTIONS = {"feed": {"url": "https://example.org/feed.xml"}, "arxiv-paper": {"id": "2501.00001"}}
HOSTILE = "A T\u202eitle\u0007 With \ufeffEverything in It"
BODIES = {
    "huggingface": answer(daily_paper("2501.00001", paper__title=HOSTILE)),
    "arxiv": arxiv_feed(arxiv_entry(title=HOSTILE.replace("\u0007", ""))),
    "arxiv-oai": oai(oai_record(title=HOSTILE.replace("\u0007", ""))),
    "arxiv-paper": oai(oai_record(title=HOSTILE.replace("\u0007", "")), verb="GetRecord"),
    "feed": rss(rss_item(HOSTILE.replace("\u0007", ""), pubDate="Thu, 09 Jan 2025 08:00:00 GMT")),
}


@pytest.fixture(params=sorted(KINDS))
def name(request):
    return request.param


def position(name, **options):
    return KINDS[name].first(WINDOW, OPTIONS.get(name, {}) | options)


def parse(name, content):
    return KINDS[name].parse(content, position(name), OPTIONS.get(name, {}), SEEN_AT)


def test_every_kind_is_tried_here():
    assert set(BODIES) == set(KINDS)


def test_a_position_can_be_stored_between_two_pages(name):
    first = position(name)
    assert json.loads(json.dumps(first)) == first


def test_a_request_is_for_https_and_its_label_holds_no_key(name):
    request = KINDS[name].request(position(name), OPTIONS.get(name, {}), "the-key")
    assert request.url.startswith("https://")
    assert "the-key" not in request.url + request.label
    assert 0 < len(request.label) <= 200


def test_another_address_can_be_given(name):
    options = OPTIONS.get(name, {}) | {"url": "https://mirror.example.org/x"}
    request = KINDS[name].request(KINDS[name].first(WINDOW, options), options, "")
    assert request.url.startswith("https://mirror.example.org/x")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "example.org",
        "https://exam ple.org/",
        "javascript:alert(1)",
        "https://[::1",
        "https://example.org:port/",
        "https://example.org:99999/",
        "https:///feed.xml",
        "https://exa\u2100mple.org/",
        f"https://{'a' * 300}.org/",
    ],
)
def test_an_address_that_cannot_be_is_told(name, url):
    with pytest.raises(BadOptions, match="url"):
        position(name, url=url)


def test_a_good_answer_gives_clean_sightings(name):
    page = parse(name, BODIES[name])
    (sighting,) = page.parsed.sightings
    assert not page.parsed.rejected
    assert sighting.title == one_line(HOSTILE) == "A Title With Everything in It"
    assert sighting.abstract == body(sighting.abstract)
    assert sighting.seen_at == SEEN_AT
    assert sighting.line == 1


def test_what_it_says_twice_it_says_the_same(name):
    assert parse(name, BODIES[name]) == parse(name, BODIES[name])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"<html><body><h1>502 Bad Gateway</h1></body></html>",
        b"\x1f\x8b\x08\0",
        b"null",
        b'{"error": 1}',
        b"Rate exceeded.",
    ],
)
def test_an_answer_that_is_something_else_is_refused_with_a_reason(name, content):
    with pytest.raises(Unreadable, match=r"\w{2}"):
        parse(name, content)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_an_answer_that_was_cut_short_is_refused_or_known_not_to_be_whole(name, keep):
    content = BODIES[name][: int(len(BODIES[name]) * keep)]
    try:
        page = parse(name, content)
    except Unreadable:
        return
    assert not page.whole


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.integers(0, 2_000), st.booleans()
)
def test_any_bytes_are_read_or_refused(name, noise, place, inside):
    content = BODIES[name][:place] + noise + BODIES[name][place:] if inside else noise
    try:
        page = parse(name, content)
    except Unreadable:
        return
    assert all(isinstance(sighting, Sighting) for sighting in page.parsed.sightings)


def test_an_entity_bomb_is_not_unfolded(name):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    ) + b"]>"  # fmt: skip
    content = BODIES[name].replace(b"?>", b"?>" + bomb, 1).replace(b"A T", b"&j;A T", 1)
    try:
        page = parse(name, content)
    except Unreadable:
        return
    assert all(len(sighting.title) < 1_000 for sighting in page.parsed.sightings)


def test_reading_needs_neither_django_nor_celery():
    modules = (
        "ingest.sources.registry, ingest.sources.listing, ingest.sources.jsonl, ingest.identity, "
        "ingest.cleaning"
    )
    code = (
        f"import sys, {modules}; print([name for name in ('django', 'celery', 'httpx') if name in "
        "sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
