"""The processes of one machine: web, worker and scheduler beside the embedded Redis, started
together and stopped together.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from newsletter.embedded_redis import embedded_redis
from newsletter.lifelines import end_with_parent

ROOT = Path(settings.BASE_DIR)
STOP_SECONDS = 30


@dataclass
class Processes:
    """Named child processes. Leaving the block stops them, the last started first, each by its
    own orderly way.
    """

    environment: Mapping[str, str]
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide
        the order of stopping.
        """
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(self.environment),
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self.children[name] = child
        return child

    def ended(self) -> tuple[str, int] | None:
        """Return name and exit code of a child that has ended, or None while all run."""
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                return name, code
        return None

    def stop(self) -> None:
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children.values()):
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def migrate() -> None:
    """Bring the database up to date; of several commands that start at once, one does it and the
    others wait.
    """
    with (settings.VAR_DIR / "migrate.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call_command("migrate", verbosity=0)


@contextmanager
def one_machine() -> Iterator[Processes]:
    """Run the broker (unless REDIS_URL names one) and whatever processes the block starts; stop
    all of it at the end.
    """
    processes = Processes(
        dict(os.environ)
        | {"DJANGO_SETTINGS_MODULE": "newsletter.settings", "PYTHONUNBUFFERED": "1"}
    )
    with _broker():
        try:
            yield processes
        finally:
            processes.stop()


@contextmanager
def _broker() -> Iterator[None]:
    if settings.REDIS_URL:
        yield
        return
    with embedded_redis(settings.EMBEDDED_REDIS_SOCKET, settings.VAR_DIR / "redis"):
        yield


def worker_command(log_level: str = "WARNING") -> list[str]:
    """Return the command of a Celery worker for this database: SQLite takes one writer at a
    time, so one process sends.
    """
    processes = "1" if connection.vendor == "sqlite" else str(os.cpu_count() or 1)
    options = [
        "--concurrency",
        processes,
        "--without-gossip",
        "--without-mingle",
        "--loglevel",
        log_level,
    ]
    return [*_celery(), "worker", *options]


def scheduler_command(log_level: str = "WARNING") -> list[str]:
    return [*_celery(), "beat", "--loglevel", log_level]


def _celery() -> list[str]:
    """Celery without its banner, and without its word about root: in a container or a trial
    there is often no other account.
    """
    return [
        sys.executable,
        "-W",
        "ignore:You're running the worker with superuser privileges",
        "-m",
        "celery",
        "--quiet",
        "-A",
        "newsletter.celery",
    ]


def web_command(address: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "newsletter.wsgi",
        "--bind",
        address,
        "--threads",
        "4",
        "--log-level",
        "warning",
    ]
