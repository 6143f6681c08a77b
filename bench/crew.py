"""The runner's side of its worker processes: get each ready, start all at once, wait for all their figures."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from bench.protocol import Job
from bench.servers import asked, end


def ready(process: subprocess.Popen[bytes], job: Job, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Give a worker its job, wait until it is ready, and end it with the stack.

    Raises:
        RuntimeError: when it ended instead.
    """
    stack.callback(end, process)
    asked(process, json.dumps(job).encode() + b"\n")
    return process


def go(crew: Sequence[subprocess.Popen[bytes]]) -> list[dict[str, float]]:
    """Start all at once and wait for all their figures.

    Raises:
        RuntimeError: when one ended instead.
    """
    for process in crew:
        assert process.stdin is not None  # noqa: S101 - opened as pipes by us
        process.stdin.write(b"go\n")
        process.stdin.flush()
    return [_answer(process) for process in crew]


def _answer(process: subprocess.Popen[bytes]) -> dict[str, float]:
    assert process.stdout is not None  # noqa: S101 - opened as pipes by us
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"A worker ended with code {process.wait()}; see its messages above.")
    return dict(json.loads(line))
