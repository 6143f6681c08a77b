"""One worker process of the bench: `python -m bench.worker KIND`. It speaks as `bench.protocol`
says.
"""

import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import django
from django.conf import settings
from django.test import Client

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from bench import naive  # noqa: E402 - models can be imported only after the set-up
from bench.null import NullTransport, WatchingTransport  # noqa: E402 - as above
from bench.protocol import Job, Told, speak  # noqa: E402 - as above
from bench.world import ALL_DUE, FREEZE  # noqa: E402 - as above
from newsletter import tasks  # noqa: E402 - as above
from newsletter.clock import ticking  # noqa: E402 - as above
from newsletter.composing.content import RenderedMail  # noqa: E402 - as above
from newsletter.composing.wire import dotted  # noqa: E402 - as above
from newsletter.editions import freeze  # noqa: E402 - as above
from newsletter.garbage import collect_rarely  # noqa: E402 - as above
from newsletter.models import Candidate, Delivery, Edition  # noqa: E402 - as above
from newsletter.sending.due import due_batches  # noqa: E402 - as above
from newsletter.sending.mail import Mail  # noqa: E402 - as above
from newsletter.sending.plan import plan_edition  # noqa: E402 - as above
from newsletter.sending.sender import send_batch  # noqa: E402 - as above
from newsletter.sending.transports import Errand, Lanes, transport_of  # noqa: E402 - as above
from subscriptions.tokens import Power, sign  # noqa: E402 - as above

NOT_AHEAD = ("look_after_editions", "tell_staff", "tick", "sweep")
"""Tasks of the beat that freeze, plan and settle; all others come before the freeze."""


@dataclass(slots=True)
class Prebuilt(Mail):
    """A mail whose bytes exist already, as SMTP takes them."""

    octets: bytes = b""

    def dotted(self) -> bytes:
        return self.octets


def send(job: Job, transport: NullTransport | None = None) -> int:
    """Send this worker's share of the batches until nothing is due."""
    clock = ticking(ALL_DUE)
    edition, handled = Edition.objects.defer("statistics").get(pk=job["edition"]), 0
    while due := due_batches(clock(), edition=edition):
        mine = [pk for pk in due if pk % job["of"] == job["number"]]
        for pk in mine:
            handled += send_batch(pk, clock, transport)
        if not mine:
            time.sleep(0.02)
    return handled


def send_to_nobody(job: Job) -> int:
    return send(job, NullTransport())


def first_batches(job: Job) -> Told:
    """Send to nobody, batch by batch, until `readers` of the edition have their mail or nothing is
    due; tell what the first batch took, and all of them.

    Seconds of CPU and of the wall's clock are counted from before the first claim: until the first
    mail was printed and marked (`*_to_first`), until the first batch was done (`*_batch`).
    """
    clock, transport = ticking(ALL_DUE), WatchingTransport()
    edition = Edition.objects.defer("statistics").get(pk=job["edition"])
    cpu, began = time.process_time(), time.monotonic()
    told: Told = {}
    while transport.count < job["readers"] and (due := due_batches(clock(), edition=edition)):
        send_batch(due[0], clock, transport)
        if "batch" not in told and transport.first is not None:
            told |= {
                "batch": transport.count,
                "cpu_batch": time.process_time() - cpu,
                "wall_batch": time.monotonic() - began,
                "cpu_to_first": transport.first[0] - cpu,
                "wall_to_first": transport.first[1] - began,
            }
    return told | {"done": transport.count}


def freeze_edition(job: Job) -> int:
    """Freeze the edition.

    Raises:
        RuntimeError: it could not be frozen.
    """
    if not freeze(job["edition"], FREEZE):
        edition = Edition.objects.defer("statistics").get(pk=job["edition"])
        raise RuntimeError(f"The bench's edition could not be frozen: {edition.held_reason}")
    return Candidate.objects.filter(edition=job["edition"]).count()


def work_ahead(job: Job) -> int:
    """Run the beat's tasks that get things ready for the freeze, and return how many those are."""
    del job
    at = (FREEZE - timedelta(minutes=10)).isoformat()
    names = [
        name
        for package, _, name in (
            str(entry["task"]).rpartition(".") for entry in settings.CELERY_BEAT_SCHEDULE.values()
        )
        if package == "newsletter.tasks" and name not in NOT_AHEAD
    ]
    for name in names:
        getattr(tasks, name)(at=at)
    return len(names)


def leave(job: Job) -> Told:
    """Post the one click of RFC 8058 for one of the `readers` after the other, again and again,
    until a line comes in; tell of each request when it began, how long it took and its status.
    """
    host = settings.ALLOWED_HOSTS[0]
    client = Client(raise_request_exception=False, SERVER_NAME=host)
    links = [f"/u/{sign(Power.LEAVE, reader, job['edition'])}" for reader in job["readers"]]
    requests: list[tuple[float, float, int]] = []
    while not select.select([sys.stdin], [], [], job["pause"])[0]:
        link = links[len(requests) % len(links)]
        began = time.monotonic()
        answer = client.post(link, {"List-Unsubscribe": "One-Click"}, secure=True)
        requests.append((began, time.monotonic() - began, answer.status_code))
    return {"requests": requests, "done": len(requests)}


def plan(job: Job) -> int:
    """Plan the edition."""
    return plan_edition(job["edition"], FREEZE) or 0


def naive_loop(job: Job) -> Callable[[], int]:
    """Read what the loop knows before it begins; the returned job is the loop."""
    known = naive.load(Edition.objects.get(pk=job["edition"]))
    return lambda: naive.send_naively(known, job["deliveries"])


def prebuilt_mails(job: Job) -> Callable[[], int]:
    """Build some mails now; the returned job hands them over again and again through the
    product's client.
    """
    known = naive.load(Edition.objects.get(pk=job["edition"]))
    deliveries = Delivery.objects.select_related("subscriber__profile").filter(
        pk__in=job["deliveries"]
    )
    ready = [
        (
            row.subscriber.address,
            dotted(naive.composed(known, row).message().as_bytes(linesep="\r\n")),
        )
        for row in deliveries
    ]
    empty = RenderedMail("", "", "")

    def hand_over() -> int:
        mails = [
            Prebuilt(number, job["edition"], address, "", empty, octets)
            for number, (address, octets) in enumerate(ready)
        ]
        with Lanes(transport_of(settings.MAIL_PROVIDER)) as lanes:
            for start in range(0, job["count"], lanes.width):
                numbers = range(start, min(start + lanes.width, job["count"]))
                lanes.hand_over(
                    [
                        _prebuilt_errand(mails, number, lanes.width, job["count"])
                        for number in numbers
                    ]
                )
        return int(job["count"])

    return hand_over


def _prebuilt_errand(mails: Sequence[Mail], number: int, width: int, count: int) -> Errand:
    following = mails[(number + width) % len(mails)].address if number + width < count else None
    return Errand(number % width, mails[number % len(mails)], following)


def prepared(kind: str, job: Job) -> Callable[[], int | Told]:
    """Return what this worker will do once it is told to go.

    The job holds: edition (id), number and of (this worker's place among all), deliveries (ids),
    count (mails), readers (how many, or who leaves), pause (seconds between those who leave).
    """
    if kind in ("prebuilt", "naive"):
        return prebuilt_mails(job) if kind == "prebuilt" else naive_loop(job)
    works: dict[str, Callable[[Job], int | Told]] = {
        "send": send,
        "null": send_to_nobody,
        "first": first_batches,
        "ahead": work_ahead,
        "freeze": freeze_edition,
        "leave": leave,
        "plan": plan,
    }
    Edition.objects.exists()  # opens the connection
    return lambda: works[kind](job)


if __name__ == "__main__":
    collect_rarely()
    speak(lambda job: prepared(sys.argv[1], job))
