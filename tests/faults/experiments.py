"""The experiments: each begins with a planned edition and running processes, does its harm, and leaves them to recover."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import redis
from django.db import connection, transaction

from newsletter.models import Batch, Edition
from newsletter.tasks import send_batch, tick
from subscriptions.models import Subscriber
from tests.faults.readers import is_done
from tests.faults.town import LEASE, Town


@dataclass
class Scene:
    """What an experiment works with. `gone` collects the addresses of readers who left before their mail was begun."""

    town: Town
    edition: Edition
    readers: int
    dice: random.Random
    gone: set[str] = field(default_factory=set)
    kills: int = 0
    stops: int = 0

    def when(self, share: float) -> None:
        """Wait until the provider has accepted this share of the mail, or the run is over."""
        wanted = share * self.readers
        with suppress(TimeoutError):
            self.town.wait_for(lambda: sum(self.town.accepted().values()) >= wanted or is_done(self.edition), 120)


def kill_children(scene: Scene) -> None:
    """Row 1: SIGKILL at random instants, pool processes one by one and then the whole worker."""
    for share in sorted(scene.dice.uniform(0.03, 0.95) for _ in range(18)):
        scene.when(share)
        time.sleep(scene.dice.uniform(0, 0.05))
        if children := scene.town.children("worker"):
            with suppress(ProcessLookupError):
                os.kill(scene.dice.choice(children), signal.SIGKILL)
                scene.kills += 1
    scene.when(0.97)
    scene.town.kill("worker")
    scene.kills += 2
    scene.town.start_worker()


def stop_and_wake(scene: Scene) -> None:
    """Workers frozen past their lease and woken again must find the fence closed."""
    scene.town.start_worker("second")
    for share in sorted(scene.dice.uniform(0.05, 0.9) for _ in range(5)):
        scene.when(share)
        name = scene.dice.choice(["worker", "second"])
        scene.town.signal_all(name, signal.SIGSTOP)
        scene.stops += 2
        time.sleep(LEASE + 4)
        scene.town.signal_all(name, signal.SIGCONT)


def throttle(scene: Scene) -> None:
    """Row 2: the provider says later for a while, then all is well."""
    for reply in ("421 too fast", "451 try again", "450 busy"):
        scene.when(scene.dice.uniform(0.1, 0.3))
        scene.town.provider_does(reply=reply)
        time.sleep(2)
        scene.town.provider_does()
    _make_waiting_due()


def no_provider(scene: Scene) -> None:
    """Row 2: connection refused, in mid-run."""
    scene.when(0.3)
    port = scene.town.environment["SMTP_URL"]
    scene.town.kill("provider")
    scene.kills += 2  # it takes its answers with it: to as many mails as both processes of the worker have connections open
    time.sleep(3)
    (scene.town.folder / "port").unlink()
    scene.town.start_provider()
    scene.town.stop("worker")
    assert scene.town.environment["SMTP_URL"] != port
    scene.town.start_worker()
    _make_waiting_due()


def accept_and_cut(scene: Scene) -> None:
    """Row 3: the provider accepts one mail and closes without an answer."""
    scene.when(1)


def refuse_one(scene: Scene) -> None:
    """Row 4: one address is refused for good."""
    scene.when(1)


def lose_redis(scene: Scene) -> None:
    """Row 5: the broker is flushed, restarted, and away for a while."""
    scene.when(0.2)
    redis.Redis(unix_socket_path=str(scene.town.folder / "redis.sock")).flushall()
    scene.when(0.4)
    scene.town.kill("redis")
    scene.town.start_redis()
    scene.when(0.6)
    scene.town.kill("redis")
    time.sleep(5)
    scene.town.start_redis()


def hurt_postgresql(scene: Scene) -> None:
    """Row 6: connections killed, a long lock on the deliveries, and a crash of the server."""
    scene.when(0.2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
        )
    scene.when(0.4)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE newsletter_delivery IN EXCLUSIVE MODE")
        time.sleep(LEASE / 2)
    scene.when(0.6)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE pid != pg_backend_pid() AND backend_type = 'client backend' LIMIT 1")
        victim = cursor.fetchone()
    connection.close()
    if victim:
        with suppress(ProcessLookupError):
            os.kill(victim[0], signal.SIGKILL)
            scene.kills += 1
    time.sleep(2)


def two_of_everything(scene: Scene) -> None:
    """Row 7: two schedulers, the same task ten times over, and a run by hand beside the workers."""
    scene.town.start_scheduler("second scheduler")
    scene.when(0.1)
    for batch_id in Batch.objects.values_list("pk", flat=True)[:10]:
        for _ in range(10):
            send_batch.delay(batch_id)
    tick.delay()
    command = [sys.executable, "manage.py", "run", str(scene.edition.pk)]
    subprocess.run(command, env=scene.town.environment, check=False, capture_output=True, timeout=120)


def leave_meanwhile(scene: Scene) -> None:
    """Row 11: readers leave, pause, are erased and complain while the run is on; those before their hand-over get nothing."""
    for share in (0.1, 0.3, 0.5, 0.7):
        scene.when(share)
        waiting = Subscriber.objects.exclude(address_key__in=scene.town.accepted().keys()).filter(state="active", suppressed_at=None)
        for reader in waiting.order_by("-pk")[:5]:
            change = scene.dice.choice([{"state": "unsubscribed", "left_at": reader.created_at}, {"suppressed_at": reader.created_at}])
            # The cursor's delivery may be on its way: only readers whose row was changed before any mark of theirs count.
            Subscriber.objects.filter(pk=reader.pk).update(**change)
            if not _begun(reader.pk):
                scene.gone.add(reader.address_key)


def deploy(scene: Scene) -> None:
    """Row 33: workers are replaced in mid-run, old and new together for a while, and migrations are run."""
    scene.when(0.2)
    scene.town.start_worker("new")
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=scene.town.environment, check=True, timeout=120)
    scene.when(0.5)
    scene.town.stop("worker")


def nothing(_scene: Scene) -> None:
    """No harm: how the undisturbed run looks."""


def _begun(subscriber_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM newsletter_delivery d JOIN newsletter_batch b ON b.id = d.batch_id"
            " WHERE d.subscriber_id = %s AND (d.status != 'claimed' OR d.position < b.cursor))",
            [subscriber_id],
        )
        return bool(cursor.fetchone()[0])


def _make_waiting_due() -> None:
    """Shorten the back-off, which is minutes by design, so that an experiment takes seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and Batch.objects.filter(state__in=["planned", "claimed"]).exists():
        Batch.objects.filter(state="planned").update(send_after=Edition.objects.get().planned_at)
        time.sleep(1)


PROVIDER_FROM_THE_START = {
    "accept-and-cut": {"reply": "accept and cut", "only": "reader7@example.org"},
    "refuse-one": {"reply": "550 no such user", "only": "reader3@example.org"},
}
"""What the provider does in an experiment before its first mail."""
EXPERIMENTS: dict[str, Callable[[Scene], None]] = {
    "nothing": nothing,
    "kill": kill_children,
    "stop": stop_and_wake,
    "throttle": throttle,
    "no-provider": no_provider,
    "accept-and-cut": accept_and_cut,
    "refuse-one": refuse_one,
    "redis": lose_redis,
    "postgresql": hurt_postgresql,
    "two-of-everything": two_of_everything,
    "leave": leave_meanwhile,
    "deploy": deploy,
}
