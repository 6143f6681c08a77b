"""Runs: asking a source for a window of days, one page at a time, by whichever worker comes by.

A run is claimed by moving its next try ahead, which is a lease; everything between two pages is in
the database. So a run survives its worker, two workers never ask for the same page, and a page that
was recorded twice after all changes nothing.
"""

import random
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, IntegrityError, transaction
from django.db.models import Sum

from ingest import identity, schedule
from ingest.cleaning import one_line
from ingest.failures import is_expected, reason_of
from ingest.http import backoff
from ingest.http.answer import Answer, Validators
from ingest.http.client import NO_VALIDATORS, PoliteClient
from ingest.http.faults import Fault, UpstreamError
from ingest.http.visits import visit
from ingest.keys import key_of
from ingest.known_sources import enabled_sources, source_named
from ingest.models import Fetch, FetchStatus, Run, RunState, Source
from ingest.recording import begin, fail, finish, rename, take
from ingest.sources.protocol import BadOptions, Page, Request, Window
from ingest.sources.registry import KINDS
from ingest.workdays import is_working_day

Clock = Callable[[], datetime]

LEASE = timedelta(minutes=3)
"""How long a run is left to the worker that claimed it: longer than a task may last."""
VISIT_SECONDS = 60
LOOKS = 3
LOOK_AGAIN = timedelta(hours=2)
"""When a source that should have news had none, it is asked again: a feed has been seen to serve
the day before for hours.
"""
KEPT_VALIDATORS = 20
MISREAD_PAUSE = timedelta(minutes=1)
"""Where backing off begins after a page that could not be read: longer than after a broken
connection, since somebody has to mend it.
"""

log = structlog.get_logger(__name__)


def begin_due_runs(now: datetime) -> None:
    """Begin the run of every enabled source whose scheduled time has come. Safe to repeat, and at
    once: a run is unique when due.

    A run of an earlier time that is still under way is given up for the new one, which asks for the
    same days.
    """
    for source in enabled_sources():
        due_at = schedule.latest_due(source, now) if source.kind in KINDS else None
        if due_at is None or Run.objects.filter(source=source, due_at=due_at).exists():
            continue
        begin_run(source, window_until(now), now=now, due_at=due_at)


def begin_run(
    source: Source,
    window: Window,
    *,
    now: datetime,
    due_at: datetime | None = None,
    subject: str = "",
) -> Run:
    """Begin a run, or return the one for this schedule, or this window and subject, that is under
    way.

    A `subject` is the id of one paper, for a kind of source that is asked for single papers.

    A source whose options cannot work gets a run and a fetch that failed with the reason, so that
    staff see it once per schedule.
    """
    failed: dict[str, Any] = {}
    try:
        position = _first_position(source, window, subject)
    except Exception as error:  # noqa: BLE001  # logged by _problem
        problem = _problem("run_not_begun", source, error)
        position, failed = {}, {"state": RunState.FAILED, "finished_at": now, "error": problem}
    try:
        with transaction.atomic():
            if due_at:
                earlier = Run.objects.filter(
                    source=source, state=RunState.RUNNING, due_at__lt=due_at
                )
                earlier.update(
                    state=RunState.FAILED,
                    finished_at=now,
                    error="The next run began before this one was finished.",
                )
            run = Run.objects.create(
                source=source,
                due_at=due_at,
                subject=subject,
                window_start=window.first,
                window_end=window.last,
                position=position,
                next_try_at=now,
                started_at=now,
                **failed,
            )
            if failed:
                fetch = begin(source, origin=source.title, now=now, run=run)
                fail(fetch, run.error, now=now)
            return run
    except IntegrityError:  # somebody else has begun it at the same moment
        same = Run.objects.filter(source=source, due_at=due_at)
        return (
            same
            if due_at
            else same.filter(subject=subject, window_start=window.first, window_end=window.last)
        ).latest("pk")


def _first_position(source: Source, window: Window, subject: str = "") -> dict[str, Any]:
    options = {**source.options, "id": subject} if subject else source.options
    return dict(KINDS[source.kind].first(window, options))


def _problem(event: str, source: Source, error: Exception) -> str:
    """Log an error of one source, and return what staff read about it. The traceback is logged
    only where the error was not expected.

    Raises:
        Error: it is the database's. No row can be trusted to tell about it, so it goes on to the
            worker.
    """
    if isinstance(error, Error):
        raise error
    if is_expected(error):
        log.warning(event, source=source.slug, error=type(error).__name__)
    else:
        log.error(event, source=source.slug, error=type(error).__name__, exc_info=error)
    return reason_of(error)


def ask_for_paper(text: str, now: datetime) -> Run:
    """Begin to fetch one paper from arXiv, given by its id in any usual form or its address. It
    will be listed on the day of `now`.

    Raises:
        BadOptions: the text holds no arXiv id.
    """
    found = identity.arxiv_id(text)
    if found is None:
        raise BadOptions(
            f"“{one_line(text, 60)}” is no arXiv id, such as 2501.01234, nor its address."
        )
    return begin_run(
        source_named("arxiv-paper"), Window(now.date(), now.date()), now=now, subject=found.number
    )


def window_until(now: datetime) -> Window:
    """Return the days that every run reads again, since lists keep growing and votes change."""
    return Window(now.date() - timedelta(days=settings.REREAD_DAYS - 1), now.date())


def due_runs(now: datetime) -> list[int]:
    """Return the runs whose next page may be asked for."""
    return list(
        Run.objects.filter(state=RunState.RUNNING, next_try_at__lte=now)
        .order_by("next_try_at", "pk")
        .values_list("pk", flat=True)
    )


def read_page(run_id: int, clock: Clock, client: PoliteClient) -> Fetch | None:
    """Ask for the next page of a run and record it. None when it is not our turn: somebody else is
    at it, it is over, or must wait.

    Outside any transaction: the row of the fetch is written first, the network comes second, the
    result third. Whatever goes wrong with the source's options, its answer or the recording ends in
    a failed fetch with the reason and the bytes, and the page is asked for again later or the run
    given up. Errors of the database are raised; the next worker then closes the fetch.
    """
    now = clock()
    lease = now + LEASE
    if not Run.objects.filter(pk=run_id, state=RunState.RUNNING, next_try_at__lte=now).update(
        next_try_at=lease
    ):
        return None
    run = Run.objects.select_related("source").get(pk=run_id)
    if _was_left_behind(run, now):
        return None
    fetch = begin(run.source, origin=run.source.title, now=now, run=run)
    answer: Answer | None = None
    try:
        kind = KINDS[run.source.kind]
        request = kind.request(run.position, run.source.options, key_of(run.source))
        rename(fetch, request.label)
        answer = _ask(client, request, run, clock)
        fetch.http_status = answer.status
        page = (
            None
            if answer.not_modified
            else kind.parse(answer.body, run.position, run.source.options, clock())
        )
        _record(run, fetch, request, answer, page, clock)
    except UpstreamError as error:
        return _after_no_answer(run, fetch, error, clock())
    except Exception as error:  # noqa: BLE001  # logged by _problem
        problem = _problem("page_not_read", run.source, error)
        fail(fetch, problem, now=clock(), body=answer.body if answer else None)
        _try_later(run, problem, clock())
    return fetch


def _ask(client: PoliteClient, request: Request, run: Run, clock: Clock) -> Answer:
    stored = run.source.validators.get(request.url) if request.conditional else None
    return visit(
        client,
        request.url,
        clock=clock,
        failures=run.failures,
        validators=Validators(**stored) if stored else NO_VALIDATORS,
        accept=request.accept,
        authorization=request.authorization,
        redirect_hosts=request.redirect_hosts,
        total_seconds=VISIT_SECONDS,
    )


def _record(
    run: Run, fetch: Fetch, request: Request, answer: Answer, page: Page | None, clock: Clock
) -> None:
    """Write down what a page said, and go on to the next one or to the end."""
    if page is None:
        finish(fetch, now=clock(), status=FetchStatus.NOT_MODIFIED)
        _finish(run, fetch, clock())
        return
    take(fetch, page.parsed)
    finish(fetch, now=clock(), body=answer.body)
    if request.conditional:
        _remember_validators(run.source, request.url, answer if page.whole else None)
    if page.following is None:
        _finish(run, fetch, clock())
    else:
        _move(
            run, position=dict(page.following), pages=run.pages + 1, failures=0, next_try_at=clock()
        )


def _was_left_behind(run: Run, now: datetime) -> bool:
    """Close the fetch of a worker that never came back; return whether that happened too often for
    another try.

    Its page is asked for again: what it had recorded changes nothing when it is recorded again.
    """
    left = list(Fetch.objects.filter(run=run, status=FetchStatus.RUNNING))
    for fetch in left:
        fail(fetch, "The worker did not finish.", now=now)
    if not left:
        return False
    run.failures += 1
    if run.failures >= backoff.TRIES:
        _give_up(run, "Its workers did not finish.", now)
        return True
    Run.objects.filter(pk=run.pk, next_try_at=run.next_try_at).update(failures=run.failures)
    return False


def _after_no_answer(run: Run, fetch: Fetch, error: UpstreamError, now: datetime) -> Fetch | None:
    if error.kind == Fault.NOT_OUR_TURN:  # nothing was sent, so there is nothing to keep
        fetch.delete()
        _move(run, next_try_at=error.retry_at or now + backoff.LONGEST_PAUSE)
        return None
    fetch.http_status = error.status
    fail(fetch, str(error), now=now)
    if error.retry_at:
        _move(run, failures=run.failures + 1, next_try_at=error.retry_at, error=str(error))
    else:
        _give_up(run, str(error), now)
    return fetch


def _try_later(run: Run, problem: str, now: datetime) -> None:
    """Ask again for a page that could not be read: error pages come and go."""
    pause = backoff.pause(run.failures + 1, random.random, MISREAD_PAUSE)
    if pause is None:
        _give_up(run, problem, now)
    else:
        _move(run, failures=run.failures + 1, next_try_at=now + pause, error=problem)


def _finish(run: Run, fetch: Fetch, now: datetime) -> None:
    """End a run; one that should have brought news and did not is begun again a little later, a
    few times.
    """
    quiet = _should_have_news(run) and not _listed_on_day(run)
    if quiet:
        warning = "Nothing new, although it is a working day."
        Fetch.objects.filter(pk=fetch.pk).update(
            warnings=[*fetch.warnings, warning], warning_count=fetch.warning_count + 1
        )
        log.warning("nothing_new", source=run.source.slug, looks=run.looks)
    if quiet and run.looks < LOOKS:
        _move(
            run,
            position=_first_position(run.source, Window(run.window_start, run.window_end)),
            pages=run.pages + 1,
            failures=0,
            looks=run.looks + 1,
            next_try_at=now + LOOK_AGAIN,
        )
    else:
        _move(run, state=RunState.DONE, pages=run.pages + 1, failures=0, finished_at=now, error="")


def _should_have_news(run: Run) -> bool:
    return bool(
        run.due_at
        and KINDS[run.source.kind].daily
        and is_working_day(run.due_at.date())
        and schedule.is_last_of_its_day(run.source, run.due_at)
    )


def _listed_on_day(run: Run) -> int:
    """Return how many papers the source has listed anew on the day of a run, by any run."""
    if run.due_at is None:
        return 0
    morning = run.due_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        Fetch.objects.filter(source=run.source, started_at__gte=morning).aggregate(
            total=Sum("listed")
        )["total"]
        or 0
    )


def _give_up(run: Run, problem: str, now: datetime) -> None:
    log.warning("run_given_up", source=run.source.slug, error=problem)
    _move(run, state=RunState.FAILED, failures=run.failures, finished_at=now, error=problem)


def _move(run: Run, **changes: Any) -> None:
    """Change a run that is still ours: a worker that woke up after its lease finds it moved on,
    and leaves it alone.
    """
    Run.objects.filter(pk=run.pk, state=RunState.RUNNING, next_try_at=run.next_try_at).update(
        **changes
    )


def _remember_validators(source: Source, url: str, answer: Answer | None) -> None:
    """Keep the validators of an address's newest answer; those of an answer that was not read
    whole are forgotten.
    """
    with transaction.atomic():
        locked = Source.objects.select_for_update().get(pk=source.pk)
        kept = {address: stored for address, stored in locked.validators.items() if address != url}
        if answer and (answer.etag or answer.last_modified):
            kept[url] = asdict(answer.validators)
        locked.validators = dict(list(kept.items())[-KEPT_VALIDATORS:])
        locked.save(update_fields=["validators"])
