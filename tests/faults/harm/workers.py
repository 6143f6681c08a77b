"""Harm to workers and schedulers: killed, frozen, doubled, replaced."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from newsletter.models import Batch
from newsletter.tasks import send_batch, sweep, tick
from tests.faults.scene import Scene
from tests.faults.town import LEASE


def nothing(_scene: Scene) -> None:
    """No harm: how the undisturbed run looks."""


def kill_children(scene: Scene) -> None:
    """SIGKILL at random instants, pool processes one by one and then the whole worker."""
    for share in sorted(scene.dice.uniform(0.03, 0.95) for _ in range(18)):
        scene.when(share)
        time.sleep(scene.dice.uniform(0, 0.05))
        scene.kill_child("worker")
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


def two_of_everything(scene: Scene) -> None:
    """Two schedulers, the same task ten times over, and a run by hand beside the workers."""
    scene.town.start_scheduler("second scheduler")
    scene.when(0.1)
    for batch_id in Batch.objects.values_list("pk", flat=True)[:10]:
        for _ in range(10):
            send_batch.delay(batch_id)
    tick.delay()
    command = [sys.executable, "manage.py", "run", str(scene.edition.pk)]
    subprocess.run(
        command, env=scene.town.environment, check=False, capture_output=True, timeout=120
    )


def second_machine_not_armed(scene: Scene) -> None:
    """A second machine with the same broker and database may not send. One tick wakes workers for
    all batches, and none of the wake-ups may be lost on it. Armed later, it takes part at once.
    """
    environment = scene.town.environment | {"VAR_DIR": str(scene.town.folder / "another" / "var")}
    scene.town.wait_until_said("machine_armed", 120)
    scene.town.start_worker("another", environment=environment)
    scene.town.wait_until_said("not armed", 120, log="another.log")
    tick.delay()
    began = time.monotonic()
    scene.town.wait_for(lambda: sum(scene.town.accepted().values()) >= scene.readers, ALL_WITHIN)
    batches = Batch.objects.count()
    scene.notes.append(f"one tick: {batches} batches in {time.monotonic() - began:.0f} s")
    subprocess.run(
        [sys.executable, "manage.py", "arm"], env=environment, check=True, capture_output=True
    )
    scene.town.wait_until_said("may_send", 60, log="another.log")
    scene.over()
    sweep.delay()


def deploy(scene: Scene) -> None:
    """Workers are replaced in mid-run, old and new together for a while, and migrations are run."""
    scene.when(0.2)
    scene.town.start_worker("new")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=scene.town.environment,
        check=True,
        timeout=120,
    )
    scene.when(0.5)
    scene.town.stop("worker")


def many_readers(scene: Scene) -> None:
    """No harm, but ten thousand readers, two hundred papers and the product's own settings: how
    long, how much memory, how large.
    """
    began = time.monotonic()
    memory = 0
    while sum(scene.town.accepted().values()) < scene.readers:
        memory = max([memory, *(_peak_memory(child) for child in scene.town.children("worker"))])
        scene.when(min(1.0, sum(scene.town.accepted().values()) / scene.readers + 0.05))
        if time.monotonic() - began > ALL_WITHIN:
            raise TimeoutError(f"not everybody was served within {ALL_WITHIN} seconds")
    seconds = time.monotonic() - began
    largest = scene.town.largest_mail()
    scene.notes.append(
        f"all within {seconds:.0f} s; {memory / 1024:.0f} MB a worker process at most; largest "
        f"mail {largest / 1000:.0f} kB"
    )


ALL_WITHIN = 300
"""Seconds: what is promised for 95 of 100 readers of an hour."""


def _peak_memory(pid: int) -> int:
    """Return the most memory that a process had, in kB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return 0
