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
Told = dict[str, Any]
"""What a worker tells: done, cpu and wall (seconds), memory (MB), began and ended (the machine's
monotonic clock), and whatever else its work returns.
"""


def speak(prepared: Callable[[Job], Callable[[], int | Told]]) -> None:
    """Speak with the runner: a job comes in, "ready" goes out, a line comes in, the figures go out.

    `prepared` gets ready for a job and returns what is measured, which returns how many mails it
    was, or figures of its own.
    """
    work = prepared(json.loads(sys.stdin.readline()))
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    sys.stdin.readline()
    cpu, began = time.process_time(), time.monotonic()
    done = work()
    ended = time.monotonic()
    figures: Told = {
        "done": 0,
        "cpu": time.process_time() - cpu,
        "wall": ended - began,
        "began": began,
        "ended": ended,
        "memory": peak_memory(),
    }
    figures |= done if isinstance(done, dict) else {"done": done}
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def peak_memory(pid: int | str = "self") -> float:
    """Return the most memory that a living process has held, in MB. (getrusage would tell the
    parent's, from before the exec.)
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def memory() -> float:
    """Return what this process holds now, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def forget_peak_memory() -> None:
    """Let the most memory that this process has held be what it holds now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")
