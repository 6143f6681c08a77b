"""The runner's side of its worker processes: get each ready, start all at once, wait for all
their figures.
"""

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from bench.protocol import Job
from bench.servers import asked, end, heard, tell


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
        tell(process, b"go\n")
    return [heard(process) for process in crew]
