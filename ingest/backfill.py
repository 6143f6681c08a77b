"""Asking a source for a window of days from one process, waiting where the upstream wants it:
what a person does at a terminal.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ingest.files import Report, report_of
from ingest.http.client import PoliteClient
from ingest.http.faults import Fault, UpstreamError
from ingest.http.visits import visit
from ingest.keys import key_of
from ingest.models import Run, RunState, Source
from ingest.recording import record
from ingest.runs import VISIT_SECONDS, Clock, begin_run, read_page
from ingest.sighting import Unreadable
from ingest.sources.protocol import Page, Position, Window
from ingest.sources.registry import KINDS

Wait = Callable[[float], None]
A_DAY = timedelta(days=1)
LONGEST_STEP = 30.0
"""Seconds of one wait, so that a run which a worker has finished meanwhile is noticed."""


class GivenUp(Exception):
    """A run came to no good end; the message says why."""


def ask(
    source: Source,
    window: Window,
    *,
    clock: Clock,
    client: PoliteClient,
    wait: Wait = time.sleep,
    subject: str = "",
) -> Iterator[Report]:
    """Read the window page by page and report on each, the failed ones too. A `subject` is the id
    of the one paper that is asked for.

    The run is like those of the workers, who may take part in it; their pages are not reported.
    Begun again for the same window after an interruption, it goes on where it stopped; so does a
    long one that was given up within the last day.

    Raises:
        GivenUp: the run was given up.
    """
    run = _given_up(source, window, clock()) or begin_run(
        source, window, now=clock(), subject=subject
    )
    while run.state == RunState.RUNNING:
        fetch = read_page(run.pk, clock, client)
        if fetch:
            yield report_of(fetch, fetch.origin)
        run.refresh_from_db()
        if run.state == RunState.RUNNING:
            _wait_until(run.next_try_at, clock, wait)
    if run.state == RunState.FAILED:
        raise GivenUp(run.error)


def _given_up(source: Source, window: Window, now: datetime) -> Run | None:
    """Open again the run of a long window that was given up within a day, where it stopped; None
    where it is to begin anew.

    It begins anew, too, when what is asked for has changed since, and for days that every scheduled
    run reads again.
    """
    run = (
        Run.objects.filter(
            source=source, due_at=None, window_start=window.first, window_end=window.last
        )
        .order_by("-pk")
        .first()
    )
    is_long = (window.last - window.first).days >= settings.REREAD_DAYS
    if (
        run is None
        or run.state != RunState.FAILED
        or not run.finished_at
        or run.finished_at < now - A_DAY
        or not (is_long and run.pages)
    ):
        return None
    if not _leads_to(run.position, KINDS[source.kind].first(window, source.options)):
        return None
    opened = Run.objects.filter(pk=run.pk, state=RunState.FAILED)
    opened.update(state=RunState.RUNNING, failures=0, error="", finished_at=None, next_try_at=now)
    run.refresh_from_db()
    return run


def _leads_to(position: Position, first: Position) -> bool:
    """Tell whether what a position still lists is the end of what is listed at the beginning."""
    lists = {name: value for name, value in position.items() if isinstance(value, list)}
    return all(
        isinstance(first.get(name), list) and first[name][len(first[name]) - len(rest) :] == rest
        for name, rest in lists.items()
    )


def look(
    source: Source,
    window: Window,
    *,
    clock: Clock,
    client: PoliteClient,
    wait: Wait = time.sleep,
    subject: str = "",
) -> Iterator[Report]:
    """Read the window and report what recording each page would change, and keep nothing but the
    upstream's wish to be left alone.

    Each page is compared with what is stored, not with the pages before it.

    Raises:
        GivenUp: a page could not be read.
        BadOptions: the source's options cannot work.
    """
    position: Position | None = KINDS[source.kind].first(window, {**source.options, "id": subject})
    while position is not None:
        label, page = _page(source, position, clock, client, wait)
        with transaction.atomic():
            report = report_of(record(source, page.parsed, now=clock(), origin=label), label)
            transaction.set_rollback(True)
        yield report
        position = page.following


def _page(
    source: Source, position: Position, clock: Clock, client: PoliteClient, wait: Wait
) -> tuple[str, Page]:
    kind, failures = KINDS[source.kind], 0
    request = kind.request(position, source.options, key_of(source))
    while True:
        try:
            answer = visit(
                client,
                request.url,
                clock=clock,
                failures=failures,
                accept=request.accept,
                authorization=request.authorization,
                redirect_hosts=request.redirect_hosts,
                total_seconds=VISIT_SECONDS,
            )
            return request.label, kind.parse(answer.body, position, source.options, clock())
        except Unreadable as error:
            raise GivenUp(f"{request.label} {error}") from error
        except UpstreamError as error:
            if error.retry_at is None:
                raise GivenUp(str(error)) from error
            failures += error.kind != Fault.NOT_OUR_TURN
            _wait_until(error.retry_at, clock, wait)


def _wait_until(instant: datetime, clock: Clock, wait: Wait) -> None:
    seconds = (instant - clock()).total_seconds()
    if seconds > 0:
        wait(min(seconds, LONGEST_STEP))
