"""The tasks read the clock, hand on ids, and may each run twice."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest import tasks
from ingest.models import Fetch, FetchStatus, Paper, Run, RunState, Suggestion
from tests.ingest.driving import a_source
from tests.ingest.samples import arxiv_entry, arxiv_feed
from tests.ingest.upstream import Reply

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 9, 5, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once(monkeypatch, client, time_machine):
    """Let what is queued run at once, against the test's upstream, at the frozen instant."""
    time_machine.move_to(NOW, tick=False)
    monkeypatch.setattr(tasks, "our_client", lambda: client)
    monkeypatch.setattr(
        tasks.read_page, "apply_async", lambda arguments, **_options: tasks.read_page(*arguments)
    )


def test_the_beat_begins_what_is_due_and_the_workers_read_it_once(upstream):
    upstream.script("/cs.AI", Reply(body=arxiv_feed(arxiv_entry())))
    a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"])
    for _ in range(3):
        tasks.ask_sources()
    assert Run.objects.get().state == RunState.DONE
    assert len(upstream.requests) == Paper.objects.count() == 1


def test_looking_back_suggests_what_may_be_one(upstream):
    a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"])
    for number, title in enumerate(
        ("Learning to Rank Papers for Readers", "Learning to Rank Papers for a Reader")
    ):
        Paper.objects.create(
            title=title,
            title_key=title.lower(),
            arxiv_id=f"2501.0000{number}",
            authors=["Ada Example"],
            first_seen_at=NOW,
        )
    tasks.look_back()
    tasks.look_back()
    assert Suggestion.objects.count() == 1


def test_looking_back_closes_what_killed_processes_left_open(upstream):
    source = a_source("arxiv", "arxiv", upstream.url(), categories=["cs.AI"])
    window = {
        "window_start": NOW.date(),
        "window_end": NOW.date(),
        "next_try_at": NOW,
        "started_at": NOW,
    }
    over = Run.objects.create(source=source, state=RunState.FAILED, finished_at=NOW, **window)
    open_run = Run.objects.create(source=source, **window)
    long_ago, lately = NOW - timedelta(days=2), NOW - timedelta(hours=2)
    given = [(None, long_ago), (over, long_ago), (open_run, long_ago), (None, lately)]
    fetches = [
        Fetch.objects.create(source=source, origin="x", started_at=began, run=run)
        for run, began in given
    ]
    tasks.look_back()
    closed = [Fetch.objects.get(pk=fetch.pk).status == FetchStatus.FAILED for fetch in fetches]
    assert closed == [True, True, False, False]
