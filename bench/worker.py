"""One worker process of the bench: `python -m bench.worker KIND`. It speaks as `bench.protocol`
says.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from bench import naive  # noqa: E402 - models can be imported only after the set-up
from bench.protocol import Job, speak  # noqa: E402 - as above
from bench.world import FREEZE, SEND  # noqa: E402 - as above
from newsletter.clock import ticking  # noqa: E402 - as above
from newsletter.composing.content import RenderedMail  # noqa: E402 - as above
from newsletter.composing.wire import dotted  # noqa: E402 - as above
from newsletter.garbage import collect_rarely  # noqa: E402 - as above
from newsletter.models import Delivery, Edition  # noqa: E402 - as above
from newsletter.sending.due import due_batches  # noqa: E402 - as above
from newsletter.sending.mail import Mail  # noqa: E402 - as above
from newsletter.sending.plan import plan_edition  # noqa: E402 - as above
from newsletter.sending.sender import send_batch  # noqa: E402 - as above
from newsletter.sending.transports import Errand, Lanes, transport_of  # noqa: E402 - as above
from newsletter.sending.transports.base import Blocking  # noqa: E402 - as above


@dataclass(slots=True)
class Prebuilt(Mail):
    """A mail whose bytes exist already, as SMTP takes them."""

    octets: bytes = b""

    def dotted(self) -> bytes:
        return self.octets


class NullConnection(Blocking):
    """Builds the bytes of each mail as a mail server would get them, and drops them."""

    def hand_over(self, mail: Mail) -> None:
        mail.dotted()

    def close(self) -> None:
        """Nothing was opened."""


class NullTransport:
    name = "null"
    takes_bytes = True
    width = settings.CONNECTIONS_PER_WORKER
    blocks = False
    knows_repeats = False

    def connect(self) -> NullConnection:
        return NullConnection()


def send(job: Job, transport: NullTransport | None = None) -> int:
    """Send this worker's share of the batches until nothing is due."""
    clock = ticking(SEND + timedelta(minutes=1))
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


def prepared(kind: str, job: Job) -> Callable[[], int]:
    """Return what this worker will do once it is told to go.

    The job holds: edition (id), number and of (this worker's place among all), deliveries (ids),
    count (mails).
    """
    if kind in ("prebuilt", "naive"):
        return prebuilt_mails(job) if kind == "prebuilt" else naive_loop(job)
    works: dict[str, Callable[[Job], int]] = {"send": send, "null": send_to_nobody, "plan": plan}
    Edition.objects.exists()  # opens the connection
    return lambda: works[kind](job)


if __name__ == "__main__":
    collect_rarely()
    speak(lambda job: prepared(sys.argv[1], job))
