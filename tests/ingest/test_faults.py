"""Whatever an upstream does, nothing is lost, nothing hangs, memory stays flat, the others go
on, and staff and readers are told.
"""

import json
import tracemalloc
from datetime import UTC, date, datetime, timedelta

import pytest

from ingest import runs
from ingest.health import Standing, health, honest_line
from ingest.models import Fetch, FetchStatus, Listing, Paper, Rejection, Run, RunState
from ingest.runs import begin_run
from ingest.sources.protocol import Window
from tests.ingest.driving import SimulatedClock, a_source, finish_runs, work_until
from tests.ingest.pages import answer, daily_paper
from tests.ingest.samples import arxiv_entry, arxiv_feed
from tests.ingest.upstream import (
    Reply,
    dripping,
    gzip_bomb,
    json_reply,
    packed,
    redirect,
    throttled,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 9, 5, 20, tzinfo=UTC)
YESTERDAY, TODAY = (Window(day, day) for day in (date(2025, 1, 8), date(2025, 1, 9)))
GOOD = answer(daily_paper("2501.00001", paper__submittedOnDailyAt="2025-01-08T00:00:00.000Z"))

FAULTS = {
    "broken JSON": Reply(body=b'[{"paper": {"id": "2501.0'),
    "an object": Reply(body=b'{"papers": []}'),
    "null": Reply(body=b"null"),
    "HTML": Reply(body=b"<!doctype html><html><body>Be right back</body></html>"),
    "cut short": Reply(body=GOOD, lacking=40),
    "empty": Reply(),
    "500": Reply(500),
    "502 with HTML": Reply(502, body=b"<html><body>Bad Gateway</body></html>"),
    "429 with a time": throttled(retry_after="3600"),
    "429 with a quota": throttled(rate_limit='"api";r=0;t=300'),
    "429 without a time": throttled(),
    "wrong charset": Reply(body="[{\"paper\": {\"title\": \"Méthode\"}}]".encode("latin-1"), headers={"Content-Type": "application/json"}),
    "gzip that is none": Reply(body=GOOD, headers={"Content-Encoding": "gzip"}),
    "a gzip bomb": gzip_bomb(),
    "a drip": dripping(b" ", pause=0.02),
    "silence": Reply(silent=True),
    "no HTTP": Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "nested too deeply": Reply(body=b"[" * 200_000),
    "to the metadata service": redirect("http://169.254.169.254/latest/meta-data/"),
    "to IPv6 loopback": redirect("http://[::1]:1/"),
    "to a decimal address": redirect("http://2130706433/"),
    "to a file": redirect("file:///etc/passwd"),
    "to gopher": redirect("gopher://127.0.0.1:70/"),
    "in a circle": redirect("/api/daily_papers"),
}  # fmt: skip


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def sources(upstream, client, clock, monkeypatch):
    """Daily Papers with what it said yesterday, and a feed that works."""
    monkeypatch.setattr(runs, "VISIT_SECONDS", 0.5)
    upstream.script("/api/daily_papers", json_reply([]))
    upstream.script("/api/daily_papers?date=2025-01-08&p=0&limit=100", Reply(body=GOOD))
    upstream.script("/cs.AI", Reply(body=arxiv_feed(arxiv_entry("2501.00002"))))
    papers = a_source("huggingface", "huggingface", upstream.url(), priority=30)
    a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"], priority=20)
    begin_run(papers, YESTERDAY, now=NOW)
    finish_runs(clock, client)
    return papers


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_the_source_its_run_and_nobody_anything_else(
    sources, upstream, client, clock, fault
):
    upstream.script("/api/daily_papers?date=2025-01-08&p=0&limit=100", FAULTS[fault])
    upstream.script("/api/daily_papers", FAULTS[fault])
    tracemalloc.start()
    work_until(NOW + timedelta(hours=8), clock, client)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # It is over, and it was tried a few times at most.
    run = Run.objects.get(source=sources, due_at=NOW)
    assert (run.state, bool(run.error)) == (RunState.FAILED, True)
    failed = Fetch.objects.filter(source=sources, run=run)
    assert 1 <= failed.count() <= 5
    assert all(
        fetch.status == FetchStatus.FAILED and fetch.error and fetch.finished_at for fetch in failed
    )
    # Yesterday's data is there, and the other source's is new.
    assert set(Paper.objects.values_list("arxiv_id", flat=True)) == {"2501.00001", "2501.00002"}
    # Staff and readers are told.
    assert {each.source.slug: each.standing for each in health(clock.now)} == {
        "huggingface": Standing.FAILING,
        "arxiv": Standing.FINE,
    }
    assert honest_line(clock.now) == "Today without Huggingface, which could not be read."
    assert peak < 50_000_000


def read(sources, upstream, client, clock, *records):
    """Let Daily Papers say these records today, and return the fetch of its first page."""
    upstream.script("/api/daily_papers?date=2025-01-09&p=0&limit=100", Reply(body=answer(*records)))
    run = begin_run(sources, TODAY, now=clock.now)
    finish_runs(clock, client)
    assert Run.objects.get(pk=run.pk).state == RunState.DONE
    return Fetch.objects.filter(run=run).earliest("pk")


def test_duplicate_ids_are_one_paper(sources, upstream, client, clock):
    fetch = read(
        sources,
        upstream,
        client,
        clock,
        *[daily_paper("2501.00007")] * 3,
        daily_paper("2501.00007v2", paper__title="An Invented Title of 2501.00007"),
    )
    assert (fetch.entries, fetch.new, fetch.unchanged) == (4, 1, 3)
    assert Listing.objects.filter(paper__arxiv_id="2501.00007").count() == 1


@pytest.mark.parametrize(
    "day",
    [
        "1970-01-01T00:00:00Z",
        "2099-12-31T00:00:00Z",
        "0001-01-01",
        "9999-12-31T23:59:59+00:00",
        "yesterday",
        "",
    ],
)
def test_dates_that_cannot_be_are_left_out_and_the_paper_kept(
    sources, upstream, client, clock, day
):
    fetch = read(
        sources,
        upstream,
        client,
        clock,
        daily_paper("2501.00007", paper__publishedAt=day, paper__submittedOnDailyAt=day),
    )
    paper = Paper.objects.get(arxiv_id="2501.00007")
    assert (paper.published, paper.listings.get().day) == (None, TODAY.first)
    assert fetch.warning_count >= 1


def test_null_and_unknown_fields_are_passed_over(sources, upstream, client, clock):
    nothing = dict.fromkeys(
        (
            "authors",
            "summary",
            "upvotes",
            "publishedAt",
            "githubRepo",
            "projectPage",
            "withdrawnAt",
            "organization",
        )
    )
    record = daily_paper(
        "2501.00007",
        **{f"paper__{name}": None for name in nothing},
        numComments=None,
        paper__fieldOfTomorrow={"a": [1]},
    )
    assert read(sources, upstream, client, clock, record).new == 1
    paper = Paper.objects.get(arxiv_id="2501.00007")
    assert (paper.authors, paper.author_count, paper.code_link) == ([], None, "")


def test_records_that_cannot_be_read_are_kept_with_their_place_and_the_others_go_in(
    sources, upstream, client, clock
):
    fetch = read(sources, upstream, client, clock, None, 7, daily_paper("no-id"), daily_paper("2501.00007", paper__title="", title=""),
                 daily_paper("2501.00008"))  # fmt: skip
    assert (fetch.entries, fetch.new, fetch.rejected) == (5, 1, 4)
    assert list(Rejection.objects.filter(fetch=fetch).values_list("line", flat=True)) == [
        1,
        2,
        3,
        4,
    ]


POISON = {
    "NUL and VT": "A\0 Title\x0b of Some Length",
    "lone surrogate": "A \ud800Title of Some Length",
    "bidi": "A \u202eTitle\u2066 of Some Length",
    "zero width": "A Ti\u200btle\ufeff of Some Length",
    "line break": "A Title\r\nof Some\nLength",
    "noncharacter": "A Title\ufffe of Some Length",
}


@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_title_is_clean_in_the_database(sources, upstream, client, clock, poison):
    read(
        sources,
        upstream,
        client,
        clock,
        daily_paper("2501.00007", paper__title=POISON[poison], paper__summary=POISON[poison]),
    )
    assert Paper.objects.get(arxiv_id="2501.00007").title == "A Title of Some Length"


def test_an_endless_abstract_and_a_forest_of_tags_are_cut_and_kept_as_text(
    sources, upstream, client, clock
):
    tracemalloc.start()
    fetch = read(sources, upstream, client, clock,
                 daily_paper("2501.00007", paper__summary="word " * 200_000),
                 daily_paper("2501.00008", paper__summary="<b>" * 300 + "deep", paper__title="<script>alert(1)</script>",
                             paper__authors=[{"name": "Eve\r\nBcc: x@example.org"}]))  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fetch.new == 2
    assert len(Paper.objects.get(arxiv_id="2501.00007").abstract) <= 20_000
    hostile = Paper.objects.get(arxiv_id="2501.00008")
    assert (hostile.title, hostile.authors) == (
        "<script>alert(1)</script>",
        ["Eve Bcc: x@example.org"],
    )
    assert peak < 50_000_000


def test_an_empty_weekend_is_an_answer(sources, upstream, client):
    friday = datetime(2025, 1, 10, 5, 20, tzinfo=UTC)
    clock = SimulatedClock(friday)
    upstream.script(
        "/cs.AI",
        Reply(body=arxiv_feed(arxiv_entry("2501.00009", day="2025-01-10"))),
        Reply(body=arxiv_feed()),
    )
    upstream.script(
        "/api/daily_papers?date=2025-01-10&p=0&limit=100", json_reply([daily_paper("2501.00010")])
    )
    work_until(friday + timedelta(days=2, hours=10), clock, client)
    assert (
        Fetch.objects.filter(started_at__gte=friday + timedelta(hours=12))
        .exclude(warning_count=0)
        .count()
        == 0
    )
    assert {each.standing for each in health(clock.now)} == {Standing.FINE}
    assert honest_line(clock.now) == ""


def test_a_packed_answer_with_validators_is_read(sources, upstream, client, clock):
    upstream.script("/cs.AI", packed(arxiv_feed(arxiv_entry("2501.00009")), etag='"x"'))
    work_until(NOW + timedelta(hours=1), clock, client)
    assert Paper.objects.filter(arxiv_id="2501.00009").exists()


def test_a_source_that_comes_back_is_well_again(sources, upstream, client, clock):
    upstream.script("/api/daily_papers", Reply(500))
    upstream.script("/api/daily_papers?date=2025-01-08&p=0&limit=100", Reply(500))
    work_until(NOW + timedelta(hours=8), clock, client)
    upstream.script("/api/daily_papers", json_reply([]))
    upstream.script("/api/daily_papers?date=2025-01-08&p=0&limit=100", Reply(body=GOOD))
    upstream.script(
        "/api/daily_papers?date=2025-01-10&p=0&limit=100", json_reply([daily_paper("2501.00009")])
    )
    work_until(NOW + timedelta(days=1, hours=8), clock, client)
    assert (
        json.dumps([each.standing for each in health(clock.now) if each.source == sources])
        == '["fine"]'
    )
