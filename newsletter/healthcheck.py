"""`python -m newsletter.healthcheck PART`: whether a part of this instance works; what the
containers' healthchecks run.

It needs only the standard library: starting Django in every container, twice a minute, takes an
eighth of a processor core.
"""

import argparse
import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

READY = "/healthz/ready"
SILENT_SECONDS = 90
"""A worker writes its heartbeat every ten seconds, and may wait half a minute for SQLite."""
SCHEDULE_SECONDS = 600
"""The scheduler writes its schedule every three minutes; three missed times in a row mean that
it stands still.
"""
ANSWER_SECONDS = 9


def heartbeat_file(folder: Path) -> Path:
    """Return where a worker of this host writes what keeps it from sending: nothing, if all is
    well. Containers that share the folder have different host names.
    """
    return folder / f"worker-{socket.gethostname()}.heartbeat"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the named part works, else say what is wrong and return 1."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("part", choices=CHECKS)
    parser.add_argument("--port", type=int, default=8000, help="of the site (default: 8000)")
    options = parser.parse_args(arguments)
    folder = Path(os.environ.get("VAR_DIR") or Path(__file__).resolve().parent.parent / "var")
    problem = CHECKS[options.part](folder, options.port)
    sys.stdout.write(f"{problem or 'ok'}\n")
    return 1 if problem else 0


def _web(_folder: Path, port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", READY)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"The site does not answer on port {port}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"The site answers {status}. Its log says why."


def _worker(folder: Path, _port: int) -> str:
    file = heartbeat_file(folder)
    if _age(file) > SILENT_SECONDS:
        return f"The worker has not written {file} for {SILENT_SECONDS} seconds."
    return file.read_text(encoding="utf-8").strip()


def _scheduler(folder: Path, _port: int) -> str:
    if min(map(_age, folder.glob("beat-schedule*")), default=SCHEDULE_SECONDS) < SCHEDULE_SECONDS:
        return ""
    return f"The scheduler has not written its schedule for {SCHEDULE_SECONDS} seconds."


def _age(file: Path) -> float:
    """Return how many seconds ago the file was written; infinity when there is none."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


CHECKS: dict[str, Callable[[Path, int], str]] = {
    "web": _web,
    "worker": _worker,
    "scheduler": _scheduler,
}

if __name__ == "__main__":
    sys.exit(main())
