"""The runner's side of its worker processes: get each ready, start all at once, wait for all
their figures.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.protocol import Job, Told
from bench.servers import TookTooLong, asked, end, heard, tell, used_by


def ready(process: subprocess.Popen[bytes], job: Job, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Give a worker its job, wait until it is ready, and end it with the stack.

    Raises:
        RuntimeError: when it ended instead.
    """
    stack.callback(end, process)
    asked(process, json.dumps(job).encode() + b"\n")
    return process


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is known of work that was stopped after `limit` seconds: seconds of CPU of its
    processes, and the most MB that one of them held.
    """

    limit: float
    cpu: float
    memory: float


def go(
    crew: Sequence[subprocess.Popen[bytes]], limit: float | None = None
) -> list[Told] | Unfinished:
    """Start all at once and wait for all their figures; kill them if they take longer than
    `limit` seconds.

    Raises:
        RuntimeError: when one ended instead.
    """
    for process in crew:
        tell(process, b"go\n")
    until = None if limit is None else time.monotonic() + limit
    try:
        return [heard(process, until) for process in crew]
    except TookTooLong:
        used = [used_by(process.pid) for process in crew if process.poll() is None]
        for process in crew:
            process.kill()
        return Unfinished(
            limit or 0.0, sum(cpu for cpu, _ in used), max(memory for _, memory in used)
        )
