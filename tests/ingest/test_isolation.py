"""Wrong options and unexpected errors fail one fetch of one source, with the reason and the bytes,
are tried again within bounds, and stop nobody else.
"""

from datetime import UTC, date, datetime, timedelta
from inspect import signature

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from ingest import runs
from ingest.files import import_lines, import_pages, import_upload
from ingest.health import Standing, health, honest_line
from ingest.http import backoff
from ingest.known_sources import source_named
from ingest.models import Fetch, FetchStatus, Paper, Run, RunState, Source
from ingest.runs import LEASE, LOOK_AGAIN, begin_due_runs, begin_run, read_page
from ingest.sighting import Parsed, Rejected, Sighting
from ingest.sources import arxiv_feed as arxiv_feed_module
from ingest.sources import arxiv_oai, huggingface, jsonl, listing
from ingest.sources import feed as feed_module
from ingest.sources.arxiv_feed import CategoryFeed
from ingest.sources.protocol import Page, Window
from tests.ingest.driving import SimulatedClock, a_source, work_until
from tests.ingest.pages import answer, daily_paper
from tests.ingest.samples import arxiv_entry, arxiv_feed, rss, rss_item
from tests.ingest.upstream import Reply, json_reply

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 9, 5, 20, tzinfo=UTC)
TODAY = Window(date(2025, 1, 9), date(2025, 1, 9))
WRONG_OPTIONS = [
    {"url": "nonsense"},
    {"url": "https://[::1"},
    {"url": 5},
    {"categories": "cs.AI"},
    {"categories": [5]},
    [],
    "text",
]
UNEXPECTED = [
    KeyError("no such field"),
    ZeroDivisionError(),
    RecursionError("too deep"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    MemoryError(),
    SoftTimeLimitExceeded(),
    ValueError("with a \0 in it"),
]
READERS = [
    arxiv_feed_module._sighting,
    arxiv_oai._entry,
    feed_module._sighting,
    huggingface._sighting,
    jsonl._paper,
    listing._sighting,
]


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def feed(upstream):
    upstream.script("/cs.AI", Reply(body=arxiv_feed(arxiv_entry())))
    return a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"], priority=20)


@pytest.fixture
def papers(upstream):
    """Another source, which works."""
    upstream.script(
        "/api/daily_papers?date=2025-01-09&p=0&limit=100",
        Reply(body=answer(daily_paper("2501.00009"))),
    )
    upstream.script("/api/daily_papers", json_reply([]))
    return a_source("huggingface", "huggingface", upstream.url(), priority=30)


def raising(error):
    def raise_it(*_arguments, **_options):
        raise error

    return raise_it


def read_to_the_end(run, clock, client):
    """Let workers come by until the run is over; return its fetches, which have to be few."""
    for _ in range(20):
        run.refresh_from_db()
        if run.state != RunState.RUNNING:
            return list(Fetch.objects.filter(run=run).order_by("pk"))
        assert run.next_try_at <= clock.now + backoff.LONGEST_PAUSE
        clock.now = max(clock.now, run.next_try_at)
        read_page(run.pk, clock, client)
    raise AssertionError("the run never ends")


def assert_failed_with(fetches, words):
    assert len(fetches) == backoff.TRIES
    for fetch in fetches:
        assert (fetch.status, fetch.finished_at is not None) == (FetchStatus.FAILED, True)
        assert words in fetch.error


@pytest.mark.parametrize("options", [{"url": "nonsense"}, {"url": "https://[::1"}, []])
def test_wrong_options_saved_while_a_run_is_under_way_fail_its_fetches_with_the_reason(
    feed, clock, client, upstream, options
):
    run = begin_run(feed, TODAY, now=NOW)
    Source.objects.filter(pk=feed.pk).update(options=options)
    fetches = read_to_the_end(run, clock, client)
    assert_failed_with(fetches, "url” must be" if isinstance(options, dict) else "AttributeError")
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, fetches[-1].error)
    assert upstream.requests == []


def test_a_source_whose_options_are_mended_in_time_goes_on(feed, clock, client):
    run = begin_run(feed, TODAY, now=NOW)
    good = feed.options
    Source.objects.filter(pk=feed.pk).update(options={"url": "nonsense"})
    assert read_page(run.pk, clock, client).status == FetchStatus.FAILED
    Source.objects.filter(pk=feed.pk).update(options=good)
    run.refresh_from_db()
    clock.now = run.next_try_at
    assert read_page(run.pk, clock, client).new == 1
    run.refresh_from_db()
    assert run.state == RunState.DONE


def test_an_address_that_cannot_be_taken_apart_fails_its_run_once_per_schedule(clock, client):
    source = a_source("a-journal", "feed", "https://[::1")
    for seconds in (0, 30, 180, 360):
        begin_due_runs(NOW + timedelta(seconds=seconds))
    run = Run.objects.get()
    assert run.state == RunState.FAILED
    fetch = Fetch.objects.get()
    assert (fetch.run, fetch.status, fetch.error) == (run, FetchStatus.FAILED, run.error)
    assert "web address" in fetch.error
    assert source.runs.count() == 1


def test_a_stored_position_that_no_request_can_be_made_of_fails_its_fetches(clock, client):
    source = a_source("a-journal", "feed", "https://example.org/feed.xml")
    run = begin_run(source, TODAY, now=NOW)
    Run.objects.update(position={"url": "https://[::1"})
    assert_failed_with(read_to_the_end(run, clock, client), "ValueError")


def test_a_kind_that_is_no_longer_known_fails_its_fetches(feed, clock, client):
    run = begin_run(feed, TODAY, now=NOW)
    Source.objects.filter(pk=feed.pk).update(kind="pigeon")
    assert_failed_with(read_to_the_end(run, clock, client), "KeyError")


@pytest.mark.parametrize("options", WRONG_OPTIONS)
def test_wrong_options_of_one_source_keep_no_other_from_being_asked(papers, clock, client, options):
    bad = a_source("arxiv", "arxiv", "https://rss.arxiv.org/atom", priority=1)
    Source.objects.filter(pk=bad.pk).update(options=options)
    work_until(NOW + timedelta(hours=5), clock, client)
    assert Run.objects.get(source=papers).state == RunState.DONE
    assert set(Run.objects.filter(source=bad).values_list("state", flat=True)) == {RunState.FAILED}
    assert set(Fetch.objects.filter(source=bad).values_list("status", flat=True)) == {"failed"}
    assert Paper.objects.get().arxiv_id == "2501.00009"
    assert {each.source.slug: each.standing for each in health(clock.now)} == {
        "arxiv": Standing.FAILING,
        "huggingface": Standing.FINE,
    }
    assert "Arxiv" in honest_line(clock.now)


@pytest.mark.parametrize("times", [5, "05:20", {"at": "05:20"}, [5, None], ["soon"]])
def test_times_that_are_none_keep_no_source_from_being_asked(papers, clock, client, times):
    bad = a_source("arxiv", "arxiv", "https://rss.arxiv.org/atom", priority=1)
    Source.objects.filter(pk=bad.pk).update(options={**bad.options, "times": times})
    begin_due_runs(NOW)
    assert Run.objects.filter(source=papers).exists()
    assert len(health(NOW)) == 2


@pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
def test_an_unexpected_error_of_a_parser_fails_its_fetches_and_keeps_the_bytes(
    feed, clock, client, monkeypatch, error
):
    run = begin_run(feed, TODAY, now=NOW)
    monkeypatch.setattr(CategoryFeed, "parse", raising(error))
    fetches = read_to_the_end(run, clock, client)
    assert_failed_with(fetches, type(error).__name__)
    assert {bytes(fetch.body.content) for fetch in fetches} == {arxiv_feed(arxiv_entry())}
    assert {fetch.http_status for fetch in fetches} == {200}
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, fetches[-1].error)


@pytest.mark.parametrize("step", ["first", "request"])
def test_an_unexpected_error_before_asking_fails_a_fetch_and_stops_no_other_source(
    feed, papers, clock, client, monkeypatch, step
):
    monkeypatch.setattr(CategoryFeed, step, raising(ZeroDivisionError("oh")))
    work_until(NOW + timedelta(hours=5), clock, client)
    assert Run.objects.get(source=papers).state == RunState.DONE
    run = Run.objects.get(source=feed)
    assert (run.state, "ZeroDivisionError: oh" in run.error) == (RunState.FAILED, True)
    fetches = Fetch.objects.filter(run=run)
    assert 1 <= len(fetches) <= backoff.TRIES
    assert all("ZeroDivisionError" in fetch.error for fetch in fetches)


def test_an_unexpected_error_of_the_client_fails_the_fetch(feed, clock, client, monkeypatch):
    run = begin_run(feed, TODAY, now=NOW)
    monkeypatch.setattr(client, "get", raising(AttributeError("no such thing")))
    assert_failed_with(read_to_the_end(run, clock, client), "AttributeError: no such thing")


def test_an_unexpected_error_while_recording_fails_the_fetch_and_keeps_the_bytes(
    feed, clock, client, monkeypatch
):
    run = begin_run(feed, TODAY, now=NOW)
    monkeypatch.setattr(runs, "take", raising(MemoryError()))
    fetches = read_to_the_end(run, clock, client)
    assert_failed_with(fetches, "MemoryError")
    assert all(fetch.body for fetch in fetches)


@pytest.mark.django_db(transaction=True)
def test_a_page_that_leads_to_a_position_that_cannot_be_stored_fails_the_fetch(
    feed, clock, client, monkeypatch
):
    run = begin_run(feed, TODAY, now=NOW)
    monkeypatch.setattr(
        CategoryFeed, "parse", lambda *_arguments: Page(Parsed(), {"day": date(2025, 1, 9)})
    )
    assert_failed_with(read_to_the_end(run, clock, client), "TypeError")


def test_an_error_of_the_database_is_raised_and_the_next_worker_closes_the_fetch(
    feed, clock, client, monkeypatch
):
    run = begin_run(feed, TODAY, now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "take", raising(OperationalError("the server went away")))
        with pytest.raises(OperationalError):
            read_page(run.pk, clock, client)
    assert Fetch.objects.get().status == FetchStatus.RUNNING
    clock.now += LEASE
    assert read_page(run.pk, clock, client).new == 1
    assert Fetch.objects.earliest("pk").error == "The worker did not finish."


def test_wrong_options_found_when_a_quiet_source_is_asked_again_end_the_run(
    feed, clock, client, upstream
):
    upstream.script("/cs.AI", Reply(body=arxiv_feed()))
    begin_due_runs(NOW)
    run = Run.objects.get()
    ask = runs.visit

    def while_staff_save(*arguments, **options):
        Source.objects.filter(pk=feed.pk).update(options={"url": "nonsense", "times": ["05:20"]})
        return ask(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "visit", while_staff_save)
        read_page(run.pk, clock, client)
    clock.now += LOOK_AGAIN
    assert_failed_with(read_to_the_end(run, clock, client)[-backoff.TRIES :], "web address")


def test_one_entry_that_raises_is_rejected_and_the_others_are_read(
    feed, clock, client, upstream, monkeypatch
):
    entries = [arxiv_entry(f"2501.0000{number}") for number in range(1, 5)]
    upstream.script("/cs.AI", Reply(body=arxiv_feed(*entries)))
    day = arxiv_feed_module.entries.day

    def failing(entry, *others):
        if "2501.00003" in str(entry):
            raise KeyError("no day")
        return day(entry, *others)

    monkeypatch.setattr(arxiv_feed_module.entries, "day", failing)
    run = begin_run(feed, TODAY, now=NOW)
    fetch = read_page(run.pk, clock, client)
    assert (fetch.status, fetch.entries, fetch.new, fetch.rejected) == (FetchStatus.DONE, 4, 3, 1)
    rejection = fetch.rejections.get()
    assert (rejection.line, "KeyError" in rejection.reason) == (3, True)


@pytest.mark.parametrize("day", ["9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z"])
def test_a_feed_with_a_year_that_no_date_can_have_is_read(clock, client, upstream, day):
    upstream.script(
        "/feed.xml", Reply(body=rss(rss_item("A Paper With a Long Title", pubDate=day)))
    )
    run = begin_run(a_source("a-journal", "feed", upstream.url("/feed.xml")), TODAY, now=NOW)
    fetch = read_page(run.pk, clock, client)
    assert (fetch.status, fetch.new, fetch.warning_count) == (FetchStatus.DONE, 1, 1)


def test_a_file_that_raises_an_unexpected_error_fails_alone(tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    for path in paths:
        path.write_text(f"content of {path.name}")
    sighting = Sighting(title="A Paper With a Long Title", seen_at=NOW, day=NOW.date())

    def parse(content, path):
        if path.name == "1.txt":
            raise ZeroDivisionError("oh")
        return Parsed((sighting,))

    reports = import_pages(source_named("listing"), paths, parse, now=NOW)
    assert [report.error for report in reports] == ["", "Unexpected ZeroDivisionError: oh", ""]
    failed = Fetch.objects.get(status=FetchStatus.FAILED)
    assert bytes(failed.body.content) == b"content of 1.txt"


def test_a_file_of_lines_that_raises_an_unexpected_error_fails_alone(tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for path in paths:
        path.write_text(f'{{"title": "The Paper of {path.name}"}}\n')
    parse = jsonl.parse

    def failing(lines, **options):
        lines = list(lines)
        if b"1.jsonl" in lines[0]:
            raise AssertionError("oh")
        return parse(lines, **options)

    monkeypatch.setattr(jsonl, "parse", failing)
    reports = import_lines(source_named("jsonl"), paths, now=NOW)
    assert [report.error for report in reports] == ["", "Unexpected AssertionError: oh", ""]
    assert Paper.objects.count() == 2


def test_an_upload_that_raises_an_unexpected_error_leaves_a_failed_fetch():
    report = import_upload(
        source_named("jsonl"), "a.jsonl", b"bytes", raising(IndexError("oh")), now=NOW
    )
    fetch = Fetch.objects.get()
    assert (report.error, fetch.error) == ("Unexpected IndexError: oh",) * 2
    assert bytes(fetch.body.content) == b"bytes"


def test_every_reader_of_one_entry_rejects_what_it_cannot_read():
    """An object of the wrong kind raises an error in each of them."""
    for read in READERS:
        others = [None] * (len(signature(read).parameters) - 2)
        entry = {"title": "T", "day": "2025-01-09"} if read is jsonl._paper else object()
        found = read(entry, 7, *others)
        assert isinstance(found, Rejected)
        assert (found.line, found.reason.split(" ")[0]) == (7, "Unexpected")
