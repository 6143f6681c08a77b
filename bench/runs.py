"""Runs: one way of sending, once, with as many worker processes as asked for, measured from
outside. They work in whichever world the process's database holds.
"""

import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass

from django.db.models import Sum

from bench import naive
from bench.crew import Unfinished, go, ready
from bench.protocol import Job, Told
from bench.rival import beside
from bench.servers import Servers, child
from bench.small import SEND
from bench.world import FREEZE, begin_again
from newsletter.models import Batch, Delivery, DeliveryStatus, Edition
from newsletter.sending.books import books
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition
from subscriptions.models import Subscriber

PREBUILT_DIFFERENT = 20
SCANS = 21


class WrongCount(Exception):
    """What was sent, what the books say and what the sink counted differ: the figures would mean
    nothing.
    """


@dataclass(frozen=True, slots=True)
class Way:
    """A way of sending. `work` is what the workers do, `sink` where it goes (empty: nowhere)."""

    name: str
    work: str
    sink: str


NAIVE = Way("naive loop", "naive", "smtp")
RIVAL = Way("django-newsletter, same for all", "rival", "smtp")
PREBUILT = Way("prebuilt bytes", "prebuilt", "smtp")
PREBUILT_PIPELINED = Way("prebuilt bytes, pipelining", "prebuilt", "pipelining")
SMTP = Way("Paperboy to SMTP", "send", "smtp")
PIPELINED = Way("Paperboy to SMTP, pipelining", "send", "pipelining")
HTTP = Way("Paperboy to HTTP", "send", "http")
NULL = Way("Paperboy to nobody", "null", "")
WAYS = (NAIVE, RIVAL, PREBUILT, PREBUILT_PIPELINED, SMTP, PIPELINED, HTTP, NULL)
SLOW = (NAIVE, RIVAL)
"""They send fewer digests, as their rate does not depend on the number."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. `cpu` is seconds of product and database together, the sink's left out; `memory`
    the largest worker's, in MB.
    """

    digests: int
    wall: float
    cpu: float
    memory: float
    octets: int

    @property
    def rate(self) -> float:
        return self.digests / self.wall

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU per digest."""
        return self.cpu / self.digests * 1e6


@dataclass(frozen=True, slots=True)
class Stopped:
    """One run that was not done within `limit` seconds: how many digests it had begun to hand over,
    and the largest worker's memory in MB.
    """

    limit: float
    digests: int
    memory: float


def run(
    way: Way, edition: Edition, servers: Servers, workers: int, count: int, limit: float
) -> Figures | Stopped:
    """Send `count` digests (the product: all readers) and return the figures.

    The product's run begins with the planning; starting processes is nobody's work and is not
    counted. The workers are killed when `limit` seconds are over.

    Raises:
        WrongCount: when books, workers and sink do not agree.
    """
    begin_again(edition)
    before = servers.sinks[way.sink].counts() if way.sink else {"accepted": 0, "octets": 0}
    with ExitStack() as stack:
        shares = _shares(way, edition, servers, workers, count, stack)
        crew = [
            ready(started(way.work, servers, way.sink, stack), share, stack) for share in shares
        ]
        database, cpu, began = servers.database_cpu(), time.process_time(), time.monotonic()
        if way.work in ("send", "null"):
            plan_edition(edition.pk, FREEZE)
        told = go(crew, limit)
        if isinstance(told, Unfinished):
            begun = edition.batches.aggregate(begun=Sum("cursor", default=0))["begun"]
            return Stopped(limit, begun, told.memory)
        wall = time.monotonic() - began
        cpu = (
            time.process_time()
            - cpu
            + sum(figures["cpu"] for figures in told)
            + servers.database_cpu()
            - database
        )
    after = servers.sinks[way.sink].counts() if way.sink else before
    sent = _sent(way, edition, told)
    accepted = after["accepted"] - before["accepted"]
    if way.sink and accepted != sent:
        raise WrongCount(f"{way.name}: {sent} were sent by the books, the sink counted {accepted}.")
    return Figures(
        sent,
        wall,
        cpu,
        max(figures["memory"] for figures in told),
        after["octets"] - before["octets"],
    )


@dataclass(frozen=True, slots=True)
class Planning:
    """How an edition was planned: seconds, the planner's memory in MB, and milliseconds of
    asking what is due afterwards.
    """

    readers: int
    wall: float
    memory: float
    scan: float


def plan(edition: Edition, servers: Servers) -> Planning:
    """Plan every reader in a process of its own, then ask what is due at an hour that is due for
    a few.
    """
    begin_again(edition)
    with ExitStack() as stack:
        planner = ready(started("plan", servers, "", stack), {"edition": edition.pk}, stack)
        told = go([planner])
    assert not isinstance(told, Unfinished)  # noqa: S101 - it had all the time it wants
    [figures] = told
    due_batches(SEND)  # opens the connection
    times = []
    for _ in range(SCANS):
        began = time.perf_counter()
        due_batches(SEND)
        times.append(time.perf_counter() - began)
    return Planning(
        int(figures["done"]), figures["wall"], figures["memory"], sorted(times)[SCANS // 2] * 1000
    )


def _shares(
    way: Way, edition: Edition, servers: Servers, workers: int, count: int, stack: ExitStack
) -> list[Job]:
    """Return each worker's job; the naive loop and the prebuilt mails need rows to begin with,
    django-newsletter a digest.
    """
    if way is RIVAL:
        return beside.jobs(_sample(edition), workers, count, servers.sinks[way.sink].port, stack)
    rows: list[int] = []
    if way.work in ("naive", "prebuilt"):
        rows = _deliveries(
            edition, count if way.work == "naive" else min(count, PREBUILT_DIFFERENT)
        )
    return [
        {
            "edition": edition.pk,
            "number": number,
            "of": workers,
            "deliveries": rows[number::workers] if way.work == "naive" else rows,
            "count": len(range(number, count, workers)),
        }
        for number in range(workers)
    ]


def _sample(edition: Edition) -> str:
    """Return the HTML of one reader's digest."""
    [row] = _deliveries(edition, 1)
    mail = naive.composed(
        naive.load(edition), Delivery.objects.select_related("subscriber__profile").get(pk=row)
    )
    return str(mail.alternatives[0][0])


def _deliveries(edition: Edition, count: int) -> list[int]:
    batch = Batch.objects.create(edition=edition, slot_at=SEND, send_after=SEND, state="done")
    readers = Subscriber.objects.order_by("pk").values_list("pk", "profile_id")[:count]
    rows = Delivery.objects.bulk_create(
        Delivery(
            edition=edition,
            subscriber_id=reader,
            profile_id=profile,
            batch=batch,
            position=position,
            status=DeliveryStatus.CLAIMED,
            claimed_at=FREEZE,
        )
        for position, (reader, profile) in enumerate(readers)
    )
    return [row.pk for row in rows]


def started(work: str, servers: Servers, sink: str, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start a worker process that does `work` (bench.worker) and sends to that sink."""
    if work == RIVAL.work:
        return beside.worker("send", stack)
    return child(
        "bench.worker",
        work,
        environment=dict(os.environ) | servers.environment | _way_out(servers, sink),
    )


def _way_out(servers: Servers, sink: str) -> dict[str, str]:
    if sink == "http":
        address = f"http://127.0.0.1:{servers.sinks[sink].port}/"
        return {
            "MAIL_PROVIDER": "postmark",
            "ANYMAIL_POSTMARK_SERVER_TOKEN": "bench",
            "ANYMAIL_POSTMARK_API_URL": address,
        }
    if sink:
        return {"MAIL_PROVIDER": "smtp", "SMTP_URL": f"smtp://127.0.0.1:{servers.sinks[sink].port}"}
    return {"MAIL_PROVIDER": "file"}


def _sent(way: Way, edition: Edition, told: list[Told]) -> int:
    """Return how many digests went out, by the books where the way keeps them."""
    if way.work not in ("send", "null"):
        return int(sum(figures["done"] for figures in told))
    account = books(edition)
    lines = dict(account.lines())
    if not account.balanced or not lines["sent"] or lines["sent"] + lines["skipped"] != account.due:
        raise WrongCount(f"{way.name}: not everything was sent: {lines}")
    return lines["sent"]
