"""How a worker process speaks with the runner, by the standard library alone: workers of another
product speak so too.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = dict[str, Any]
"""What a worker is told; which keys there are depends on what it does."""


def speak(prepared: Callable[[Job], Callable[[], int]]) -> None:
    """Speak with the runner: a job comes in, "ready" goes out, a line comes in, the figures go out.

    `prepared` gets ready for a job and returns what is measured, which returns how many mails it
    was.
    """
    work = prepared(json.loads(sys.stdin.readline()))
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    sys.stdin.readline()
    cpu, began = time.process_time(), time.monotonic()
    done = work()
    figures = {
        "done": done,
        "cpu": time.process_time() - cpu,
        "wall": time.monotonic() - began,
        "memory": peak_memory(),
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def peak_memory() -> float:
    """Return the most memory this process has held, in MB. (getrusage would tell the parent's,
    from before the exec.)
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
