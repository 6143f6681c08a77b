"""`manage.py ingest SOURCE` asks a source for days from a terminal, goes on after an
interruption, and can look without touching.
"""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ingest import backfill
from ingest.backfill import GivenUp, ask
from ingest.management.commands.ingest import Command
from ingest.models import Fetch, Listing, Paper, Run, RunState
from ingest.runs import ask_for_paper
from ingest.sources.protocol import Window
from tests.ingest.driving import SimulatedClock, a_source
from tests.ingest.pages import answer, daily_paper, stored
from tests.ingest.samples import oai, oai_record
from tests.ingest.upstream import Reply, json_reply, throttled

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 10, 12, tzinfo=UTC)
WINDOW = Window(date(2025, 1, 6), date(2025, 1, 10))


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def wait(clock):
    """Waiting moves the clock."""

    def passed(seconds):
        clock.now += timedelta(seconds=seconds)

    return passed


@pytest.fixture
def source(upstream):
    upstream.script("/api/daily_papers", json_reply([]))
    for day in range(6, 11):
        record = daily_paper(
            f"2501.{day:05}", paper__submittedOnDailyAt=f"2025-01-{day:02}T00:00:00Z"
        )
        upstream.script(
            f"/api/daily_papers?date=2025-01-{day:02}&p=0&limit=100", Reply(body=answer(record))
        )
    return a_source("huggingface", "huggingface", upstream.url())


@pytest.fixture
def command(client, clock, wait, monkeypatch):
    """Run the command against the test's upstream, at the simulated time."""
    monkeypatch.setattr(Command, "client", client)
    monkeypatch.setattr(Command, "wait", staticmethod(wait))
    monkeypatch.setattr("ingest.management.commands.ingest._clock", lambda _start: clock)

    def call(*arguments, name="ingest"):
        out = StringIO()
        call_command(name, *arguments, "--now", clock.now.isoformat(), stdout=out)
        return out.getvalue()

    return call


def test_a_window_is_read_page_by_page_and_each_page_reported(command, source):
    reports = json.loads(
        command("huggingface", "--from", "2025-01-06", "--to", "2025-01-10", "--json")
    )["files"]
    assert [report["new"] for report in reports] == [1, 0] * 5
    assert sorted(Listing.objects.values_list("day", flat=True)) == [
        date(2025, 1, day) for day in range(6, 11)
    ]
    assert Fetch.objects.count() == 10


def test_one_day_and_the_last_days_can_be_asked_for(command, source, settings):
    settings.REREAD_DAYS = 2
    command("huggingface", "--day", "2025-01-07")
    assert Run.objects.get().window_start == Run.objects.get().window_end == date(2025, 1, 7)
    command("huggingface")
    assert Run.objects.latest("pk").window_start == date(2025, 1, 9)


def test_an_interrupted_back_fill_goes_on_where_it_stopped(source, client, clock, wait, upstream):
    pages = ask(source, WINDOW, clock=clock, client=client, wait=wait)
    for _ in range(3):
        next(pages)
    pages.close()
    assert Run.objects.get().state == RunState.RUNNING
    rest = list(ask(source, WINDOW, clock=clock, client=client, wait=wait))
    assert len(rest) == 7
    assert Run.objects.get().state == RunState.DONE
    assert len(upstream.requests) == len({request.path for request in upstream.requests}) == 10


@pytest.mark.parametrize("has_changed", [False, True], ids=["same", "changed"])
def test_a_long_back_fill_that_was_given_up_goes_on_where_it_stopped(
    clock, client, wait, upstream, has_changed
):
    harvest = a_source(
        "arxiv-oai", "arxiv-oai", upstream.url("/oai"), categories=["cs.AI", "cs.LG"]
    )
    upstream.script(
        "/oai",
        Reply(body=oai(oai_record("2501.00001"))),
        Reply(403),
        Reply(body=oai(oai_record("2501.00002"))),
    )
    quarter = Window(date(2024, 10, 1), date(2024, 12, 31))
    with pytest.raises(GivenUp, match="403"):
        list(ask(harvest, quarter, clock=clock, client=client, wait=wait))
    if has_changed:
        harvest.options["categories"] = ["cs.CL", "cs.AI"]
    list(ask(harvest, quarter, clock=clock, client=client, wait=wait))
    assert Run.objects.latest("pk").state == RunState.DONE
    sets = [
        "CL" if "CL" in request.path else "LG" if "LG" in request.path else "AI"
        for request in upstream.requests
    ]
    assert sets == (["AI", "LG", "CL", "AI"] if has_changed else ["AI", "LG", "LG"])


def test_a_dry_run_tells_what_would_change_and_changes_nothing(command, source):
    before = stored()
    reports = json.loads(
        command("huggingface", "--from", "2025-01-09", "--to", "2025-01-10", "--dry-run", "--json")
    )["files"]
    assert sum(report["new"] for report in reports) == 2
    assert stored() == before
    assert not Fetch.objects.exists()
    assert not Run.objects.exists()


def test_being_throttled_is_waited_for(source, client, clock, wait, upstream):
    upstream.script(
        "/api/daily_papers?date=2025-01-10&p=0&limit=100",
        throttled(retry_after="90"),
        Reply(body=answer(daily_paper())),
    )
    reports = list(
        ask(source, Window(WINDOW.last, WINDOW.last), clock=clock, client=client, wait=wait)
    )
    assert [bool(report.error) for report in reports] == [True, False, False]
    assert clock.now >= NOW + timedelta(seconds=90)


def test_a_failure_is_told_in_json_too(source, upstream, client, clock, wait, monkeypatch):
    monkeypatch.setattr(Command, "client", client)
    monkeypatch.setattr(Command, "wait", staticmethod(wait))
    upstream.script("/api/daily_papers?date=2025-01-09&p=0&limit=100", Reply(403))
    out = StringIO()
    with pytest.raises(CommandError, match="403"):
        call_command("ingest", "huggingface", "--day", "2025-01-09", "--json", stdout=out)
    assert "403" in json.loads(out.getvalue())["files"][0]["error"]


def test_a_source_that_refuses_is_told_with_what_was_read_before(
    command, source, upstream, client, clock, wait
):
    upstream.script("/api/daily_papers?date=2025-01-08&p=0&limit=100", Reply(403))
    with pytest.raises(CommandError, match="403"):
        command("huggingface", "--from", "2025-01-06", "--to", "2025-01-10")
    assert Paper.objects.count() == 2
    with pytest.raises(GivenUp, match="403"):
        list(backfill.look(source, WINDOW, clock=clock, client=client, wait=wait))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["huggingface", "--day", "2025-01-11"], "future"),
        (["huggingface", "--from", "2025-01-09", "--to", "2025-01-08"], "after"),
        (["huggingface", "--to", "2025-01-08"], "needs --from"),
        (["huggingface", "--day", "2025-01-08", "--from", "2025-01-08"], "either"),
        (["huggingface", "--day", "1970-01-01"], "before the first"),
        (["arxiv", "--day", "2025-01-08"], "arxiv-oai"),
        (["nobody"], "Known are"),
        (["listing"], "name them"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_to_do(command, source, arguments, words):
    with pytest.raises(CommandError, match=words):
        command(*arguments)
    assert not Run.objects.exists()


def test_the_state_of_each_source_is_one_command(command, source):
    command("huggingface", "--day", "2025-01-10")
    told = json.loads(command("--json", name="sources"))["sources"]
    assert [
        (state["source"], state["standing"], bool(state["last_listed_at"])) for state in told
    ] == [("huggingface", "waiting", True)]
    assert "huggingface" in command(name="sources")


def test_one_paper_of_arxiv_is_asked_for_by_its_address_and_listed_today(command, upstream):
    upstream.script("/oai", Reply(body=oai(oai_record("2501.00009"), verb="GetRecord")))
    a_source("arxiv-paper", "arxiv-paper", upstream.url("/oai"))
    command("arxiv-oai", "--paper", "https://arxiv.org/pdf/2501.00009v2")
    listing = Listing.objects.get()
    assert (listing.paper.arxiv_id, listing.day, listing.source.slug) == (
        "2501.00009",
        NOW.date(),
        "arxiv-paper",
    )
    with pytest.raises(CommandError, match="no arXiv id"):
        command("arxiv", "--paper", "banana")


def test_two_papers_can_be_asked_for_at_once_and_one_is_asked_for_once(upstream):
    a_source("arxiv-paper", "arxiv-paper", upstream.url("/oai"))
    runs = [
        ask_for_paper(text, NOW)
        for text in ("2501.00001", "arXiv:2501.00002v1", "https://arxiv.org/abs/2501.00001")
    ]
    assert [run.subject for run in runs] == ["2501.00001", "2501.00002", "2501.00001"]
    assert Run.objects.count() == 2
