"""A run goes on from its row: after faults, restarts and rivals, page by page, and gives up with
a reason.
"""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from ingest import runs
from ingest.http import backoff
from ingest.models import Count, Fetch, FetchStatus, HostPace, Listing, Paper, Run, RunState, Source
from ingest.runs import LEASE, LOOKS, begin_due_runs, begin_run, due_runs, read_page
from ingest.sources.protocol import Window
from tests.ingest.driving import SimulatedClock, a_source, finish_runs, work_until
from tests.ingest.pages import answer, daily_paper
from tests.ingest.samples import arxiv_entry, arxiv_feed, oai, oai_record, rss
from tests.ingest.upstream import Reply, json_reply, throttled, validated

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 9, 5, 20, tzinfo=UTC)  # a Thursday
TODAY = Window(date(2025, 1, 9), date(2025, 1, 9))
PAPERS = "/api/daily_papers?date=2025-01-09"


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def papers(upstream):
    """Daily Papers, whose only day has one page."""
    upstream.script(f"{PAPERS}&p=0&limit=100", Reply(body=answer(daily_paper())))
    upstream.script("/api/daily_papers", json_reply([]))
    return a_source("huggingface", "huggingface", upstream.url(), priority=30)


@pytest.fixture
def feed(upstream):
    upstream.script("/cs.AI", Reply(body=arxiv_feed(arxiv_entry())))
    return a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"], priority=20)


def test_a_run_reads_its_pages_one_at_a_time_to_the_end(papers, clock, client):
    run = begin_run(papers, TODAY, now=NOW)
    assert read_page(run.pk, clock, client).new == 1
    run.refresh_from_db()
    assert (run.state, run.pages, run.position["page"]) == (RunState.RUNNING, 1, 1)
    assert read_page(run.pk, clock, client) is None  # the host wants a pause
    clock.now += timedelta(seconds=1)
    assert read_page(run.pk, clock, client).entries == 0
    run.refresh_from_db()
    assert (run.state, run.pages, run.finished_at) == (RunState.DONE, 2, clock.now)
    assert (
        list(Fetch.objects.order_by("pk").values_list("status", "http_status", "window_start"))
        == [("done", 200, TODAY.first)] * 2
    )


def test_a_run_is_begun_once_for_a_schedule_however_often_the_clock_asks(feed, clock, client):
    for _ in range(3):
        begin_due_runs(NOW)
    assert Run.objects.get().due_at == NOW
    begin_due_runs(NOW + timedelta(days=1))
    assert Run.objects.filter(state=RunState.RUNNING).get().due_at == NOW + timedelta(days=1)
    assert "next run began" in Run.objects.get(state=RunState.FAILED).error


def test_every_run_reads_the_last_days_again(papers, clock, client, settings):
    settings.REREAD_DAYS = 3
    begin_due_runs(NOW)
    run = Run.objects.get()
    assert (run.window_start, run.window_end) == (date(2025, 1, 7), date(2025, 1, 9))


def test_a_source_that_is_switched_off_is_not_asked(papers):
    Source.objects.update(enabled=False)
    begin_due_runs(NOW)
    assert not Run.objects.exists()


def test_two_workers_never_ask_for_the_same_page(feed, clock, client, upstream, monkeypatch):
    run = begin_run(feed, TODAY, now=NOW)
    ask, rivals = runs.visit, []

    def while_another_worker_comes(*arguments, **options):
        rivals.append(read_page(run.pk, clock, client))
        return ask(*arguments, **options)

    monkeypatch.setattr(runs, "visit", while_another_worker_comes)
    assert read_page(run.pk, clock, client).new == 1
    assert rivals == [None]
    assert len(upstream.requests) == 1
    assert read_page(run.pk, clock, client) is None


def test_what_a_dead_worker_left_is_taken_up_when_its_lease_is_over(
    feed, clock, client, monkeypatch
):
    run = begin_run(feed, TODAY, now=NOW)

    def dies(*arguments, **options):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(runs, "visit", dies)
        with pytest.raises(SystemExit):
            read_page(run.pk, clock, client)
    assert due_runs(NOW) == []
    clock.now = NOW + LEASE
    assert due_runs(clock.now) == [run.pk]
    assert read_page(run.pk, clock, client).new == 1
    assert list(Fetch.objects.order_by("pk").values_list("status", "error")) == [
        ("failed", "The worker did not finish."),
        ("done", ""),
    ]


def test_a_key_that_cannot_be_opened_is_told_to_staff_and_tried_again(feed, clock, client):
    Source.objects.filter(pk=feed.pk).update(sealed_key="sealed under another secret")
    run = begin_run(feed, TODAY, now=NOW)
    fetch = read_page(run.pk, clock, client)
    assert fetch.status == FetchStatus.FAILED
    assert "enter it again at the desk" in fetch.error
    run.refresh_from_db()
    assert (run.state, run.failures) == (RunState.RUNNING, 1)


def test_workers_that_die_again_and_again_end_the_run(feed, clock, client, monkeypatch):
    run = begin_run(feed, TODAY, now=NOW)

    def dies(*arguments, **options):
        raise SystemExit

    monkeypatch.setattr(runs, "visit", dies)
    for _ in range(backoff.TRIES):
        with pytest.raises(SystemExit):
            read_page(run.pk, clock, client)
        clock.now += LEASE
    read_page(run.pk, clock, client)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "Its workers did not finish.")


def test_a_worker_that_wakes_up_late_leaves_the_run_to_its_successor(
    papers, clock, client, monkeypatch
):
    run = begin_run(papers, TODAY, now=NOW)
    ask = runs.visit

    def while_the_lease_runs_out(*arguments, **options):
        monkeypatch.setattr(runs, "visit", ask)
        found = ask(*arguments, **options)
        clock.now += LEASE + timedelta(minutes=1)
        assert read_page(run.pk, clock, client).unchanged + Fetch.objects.latest("pk").new == 1
        return found

    monkeypatch.setattr(runs, "visit", while_the_lease_runs_out)
    read_page(run.pk, clock, client)
    run.refresh_from_db()
    assert (run.pages, run.position["page"]) == (1, 1)
    assert Paper.objects.count() == Listing.objects.count() == 1
    assert set(Fetch.objects.values_list("status", "error")) == {(FetchStatus.DONE, "")}


def test_the_validators_of_an_answer_are_sent_back_and_an_unchanged_page_ends_the_run(
    feed, clock, client, upstream
):
    upstream.script("/cs.AI", validated(arxiv_feed(arxiv_entry())))
    for day in range(2):
        clock.now = NOW + timedelta(days=day)
        run = begin_run(feed, TODAY, now=clock.now, due_at=clock.now)
        read_page(run.pk, clock, client)
    assert [request.headers.get("if-none-match") for request in upstream.requests] == [
        None,
        '"one"',
    ]
    assert list(Fetch.objects.order_by("pk").values_list("status", "entries")) == [
        ("done", 1),
        ("not_modified", 0),
    ]


def test_an_answer_that_was_not_whole_is_read_and_asked_for_again_without_its_validators(
    feed, clock, client, upstream
):
    whole = arxiv_feed(arxiv_entry("2501.00001"), arxiv_entry("2501.00002"))
    upstream.script(
        "/cs.AI",
        Reply(body=whole[: len(whole) * 2 // 3], headers={"ETag": '"cut"'}),
        validated(whole),
    )
    for day in range(2):
        clock.now = NOW + timedelta(days=day)
        run = begin_run(feed, TODAY, now=clock.now, due_at=clock.now)
        read_page(run.pk, clock, client)
    assert "if-none-match" not in upstream.requests[1].headers
    assert Paper.objects.count() == 2
    assert Fetch.objects.earliest("pk").warning_count == 1


def test_being_throttled_moves_the_next_try_and_nothing_sleeps(feed, clock, client, upstream):
    upstream.script("/cs.AI", throttled(retry_after="600"), Reply(body=arxiv_feed(arxiv_entry())))
    run = begin_run(feed, TODAY, now=NOW)
    assert read_page(run.pk, clock, client).http_status == 429
    run.refresh_from_db()
    assert (run.state, run.failures) == (RunState.RUNNING, 1)
    assert (
        timedelta(minutes=10) <= run.next_try_at - NOW < timedelta(minutes=11)
    )  # counted from when the answer was heard
    assert HostPace.objects.get().cool_down_until == run.next_try_at
    clock.now = run.next_try_at
    assert read_page(run.pk, clock, client).new == 1


def test_a_refusal_ends_the_run_at_once(feed, clock, client, upstream):
    upstream.script("/cs.AI", Reply(404))
    run = begin_run(feed, TODAY, now=NOW)
    read_page(run.pk, clock, client)
    run.refresh_from_db()
    assert (run.state, "404" in run.error) == (RunState.FAILED, True)


def test_a_source_whose_options_cannot_work_fails_once_a_schedule_with_the_reason(feed):
    Source.objects.update(options={"categories": ["cs.LG; drop"], "times": ["05:20"]})
    begin_due_runs(NOW)
    begin_due_runs(NOW + timedelta(seconds=10))
    run = Run.objects.get()
    assert (run.state, "no arXiv category" in run.error) == (RunState.FAILED, True)


def test_one_dead_source_stops_no_other(papers, feed, clock, client, upstream):
    upstream.script("/cs.AI", Reply(500))
    work_until(NOW + timedelta(hours=2), clock, client)
    assert Run.objects.get(source=papers).state == RunState.DONE
    assert Run.objects.get(source=feed).state == RunState.FAILED
    assert Listing.objects.get().source == papers
    assert Fetch.objects.filter(source=feed).count() == backoff.TRIES


def test_nothing_new_on_a_working_day_is_looked_for_again_and_told(feed, clock, client, upstream):
    upstream.script("/cs.AI", Reply(body=arxiv_feed()))
    work_until(NOW + timedelta(hours=12), clock, client)
    run = Run.objects.get()
    assert (run.state, run.looks, len(upstream.requests)) == (RunState.DONE, LOOKS, LOOKS)
    assert Fetch.objects.latest("pk").warnings == ["Nothing new, although it is a working day."]


def test_news_that_come_late_in_the_day_end_the_looking(feed, clock, client, upstream):
    upstream.script("/cs.AI", Reply(body=arxiv_feed()), Reply(body=arxiv_feed(arxiv_entry())))
    work_until(NOW + timedelta(hours=12), clock, client)
    assert len(upstream.requests) == 2
    assert not Fetch.objects.latest("pk").warnings


@pytest.mark.parametrize(
    "day", [date(2025, 1, 11), date(2025, 1, 12), date(2025, 1, 20), date(2025, 12, 25)]
)
def test_nothing_new_on_a_weekend_or_holiday_is_no_cause_for_worry(feed, client, upstream, day):
    upstream.script("/cs.AI", Reply(body=arxiv_feed()))
    clock = SimulatedClock(datetime.combine(day, NOW.timetz()))
    work_until(clock.now + timedelta(hours=12), clock, client)
    assert len(upstream.requests) == 1
    assert Fetch.objects.get().warning_count == 0


def test_a_feed_error_entry_is_no_paper(feed, clock, client, upstream):
    error = "<entry><id>http://arxiv.org/api/errors#incorrect</id><title>Error</title><summary>incorrect id</summary></entry>"
    upstream.script("/cs.AI", Reply(body=arxiv_feed(error)), Reply(body=arxiv_feed(arxiv_entry())))
    work_until(NOW + timedelta(minutes=30), clock, client)
    assert [fetch.status for fetch in Fetch.objects.order_by("pk")] == [
        FetchStatus.FAILED,
        FetchStatus.DONE,
    ]
    assert Paper.objects.count() == 1


def test_an_expired_resumption_token_begins_its_set_again(clock, client, upstream):
    harvest = a_source("arxiv-oai", "arxiv-oai", upstream.url("/oai"), categories=["cs.AI"])
    first = oai(oai_record("2501.00001"), token="one")
    pages = iter(
        [
            first,
            oai(error=("badResumptionToken", "expired")),
            first,
            oai(oai_record("2501.00002"), token=""),
        ]
    )
    upstream.script("/oai", lambda _request: Reply(body=next(pages)))
    begin_run(harvest, TODAY, now=NOW)
    finish_runs(clock, client)
    assert ["resumptionToken" in request.path for request in upstream.requests[:4]] == [
        False,
        True,
        False,
        True,
    ]
    assert sorted(Paper.objects.values_list("arxiv_id", flat=True)) == ["2501.00001", "2501.00002"]


def test_paging_past_the_end_and_pages_that_repeat_come_to_an_end(papers, clock, client, upstream):
    upstream.script("/api/daily_papers", Reply(body=answer(daily_paper())))
    begin_run(papers, TODAY, now=NOW)
    finish_runs(clock, client)
    assert Run.objects.get().state == RunState.DONE
    assert Paper.objects.count() == 1


def test_a_key_of_the_settings_is_sent_and_never_stored(papers, clock, client, upstream, settings):
    settings.SOURCE_KEYS = {"huggingface": "hf_the_key"}
    run = begin_run(papers, TODAY, now=NOW)
    read_page(run.pk, clock, client)
    assert upstream.requests[0].headers["authorization"] == "Bearer hf_the_key"
    stored = json.dumps(
        [list(model.objects.values()) for model in (Fetch, Run, Source)], default=str
    )
    assert "hf_the_key" not in stored


def test_votes_that_grew_are_appended_and_those_that_did_not_are_not(
    papers, clock, client, upstream
):
    votes = iter([3, 3, 7])
    upstream.script(
        f"{PAPERS}&p=0&limit=100",
        lambda _request: Reply(body=answer(daily_paper(paper__upvotes=next(votes)))),
    )
    for hour in range(3):
        clock.now = NOW + timedelta(hours=hour)
        begin_run(papers, TODAY, now=clock.now)
        finish_runs(clock, client)
    assert list(Count.objects.order_by("seen_at").values_list("votes", flat=True)) == [3, 7]
    assert Listing.objects.get().last_seen_at == NOW + timedelta(hours=2)


def test_an_empty_feed_of_another_kind_is_no_warning(clock, client, upstream):
    upstream.script("/feed.xml", Reply(body=rss()))
    a_source("a-journal", "feed", upstream.url("/feed.xml"))
    work_until(NOW + timedelta(hours=6), clock, client)
    assert Fetch.objects.get().warning_count == 0
