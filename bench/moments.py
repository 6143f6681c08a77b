"""Single moments of a run, each in a process of its own: the freeze, a fresh worker's first
batch, and one-click leaving while one of these is under way.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.crew import Unfinished, go, ready
from bench.protocol import Job, Told
from bench.runs import started
from bench.servers import Servers, TookTooLong, heard, tell
from bench.world import ALL_DUE, FREEZE, begin_again
from newsletter.models import Edition
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition
from subscriptions.models import Consent, ConsentKind, Subscriber, SubscriberState

READERS = 500
LEAVING = 200
"""How many readers leave, in turn."""
PAUSE = 0.05
"""Seconds between two who leave: they must not take the CPU from what is under way."""
HEAD_START = 1.0


@dataclass(frozen=True, slots=True)
class Leaving:
    """How leaving went while something else was under way. Times are in milliseconds.

    `during` is what is known of the other work; `failed` counts answers other than 200.
    """

    requests: int
    failed: int
    median: float
    late: float
    latest: float
    during: Told | Unfinished

    @classmethod
    def of(
        cls, requests: Sequence[tuple[float, float, int]], during: Told | Unfinished
    ) -> "Leaving":
        times = sorted(took * 1000 for _, took, _ in requests)
        if not times:
            return cls(0, 0, 0.0, 0.0, 0.0, during)
        return cls(
            len(times),
            sum(status != 200 for _, _, status in requests),
            statistics.median(times),
            times[int(0.95 * (len(times) - 1))],
            times[-1],
            during,
        )


def alone(work: str, servers: Servers, job: Job, limit: float) -> Told | Unfinished:
    """Let one process do one thing; its figures count the database's CPU too, as `database`."""
    with ExitStack() as stack:
        process = ready(started(work, servers, "", stack), job, stack)
        database = servers.database_cpu()
        told = go([process], limit)
        if isinstance(told, Unfinished):
            return told
        return told[0] | {"database": servers.database_cpu() - database}


def first_batch(edition: Edition, servers: Servers, limit: float) -> Told | Unfinished:
    """Let a fresh worker send to the first 500 readers."""
    begin_again(edition)
    plan_edition(edition.pk, FREEZE)
    return alone("first", servers, {"edition": edition.pk, "readers": READERS}, limit)


def leaving_while_claiming(edition: Edition, servers: Servers, limit: float) -> Leaving:
    """Let the readers of the batches that a fresh worker claims leave meanwhile."""
    begin_again(edition)
    plan_edition(edition.pk, FREEZE)
    readers: list[int] = []
    for batch in edition.batches.in_bulk(due_batches(ALL_DUE, edition=edition)[:3]).values():
        readers += batch.subscriber_ids
    job = {"edition": edition.pk, "readers": READERS}
    return _leaving("first", job, readers[:LEAVING], servers, limit)


def leaving_while_freezing(edition: Edition, servers: Servers, limit: float) -> Leaving:
    """Let readers leave while `edition`, which is open, is frozen."""
    active = Subscriber.objects.filter(state=SubscriberState.ACTIVE).order_by("pk")
    readers = list(active.values_list("pk", flat=True)[:LEAVING])
    return _leaving("freeze", {"edition": edition.pk}, readers, servers, limit)


def _leaving(
    work: str, job: Job, readers: Sequence[int], servers: Servers, limit: float
) -> Leaving:
    with ExitStack() as stack:
        leaver = ready(
            started("leave", servers, "", stack),
            {"edition": job["edition"], "readers": list(readers), "pause": PAUSE},
            stack,
        )
        other = ready(started(work, servers, "", stack), job, stack)
        tell(leaver, b"go\n")
        time.sleep(HEAD_START)
        began = time.monotonic()
        told = go([other], limit)
        ended = time.monotonic()
        tell(leaver, b"stop\n")
        try:
            requests = heard(leaver, time.monotonic() + limit)["requests"]
        except TookTooLong:
            leaver.kill()
            requests = [(began, limit, 0)]
    during = told if isinstance(told, Unfinished) else told[0]
    _come_back()
    return Leaving.of(
        [
            request
            for request in requests
            if began <= request[0] + request[1] and request[0] <= ended
        ],
        during,
    )


def _come_back() -> None:
    """Let those who left be readers again, as if nothing had been."""
    left = Subscriber.objects.filter(state=SubscriberState.UNSUBSCRIBED)
    Consent.objects.filter(subscriber__in=left, kind=ConsentKind.LEFT).delete()
    left.update(state=SubscriberState.ACTIVE, left_at=None)
