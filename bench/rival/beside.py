"""Our side of django-newsletter: the database it gets, what it is given to send, and how its
processes are kept away from ours.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

import bench
from bench.crew import go, ready
from bench.protocol import Job
from bench.rival.articles import articles
from bench.rival.installed import PYTHON
from bench.servers import child

DATABASE = "rival"


def worker(work: str, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start one of its processes, in a folder where the bench can be imported and `newsletter`
    means django-newsletter.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paperboy-rival-")))
    (folder / "bench").symlink_to(Path(bench.__file__).parent)
    return child("bench.rival.worker", work, environment={}, python=PYTHON, folder=folder)


def jobs(document: str, workers: int, count: int, port: int, stack: ExitStack) -> list[Job]:
    """Lay out its database, which goes with the stack, and return each process's job.

    `document` is the HTML that everybody gets, `count` the readers of all processes, `port` where
    the sink listens.
    """
    counts = [len(range(number, count, workers)) for number in range(workers)]
    job = {
        "database": stack.enter_context(_database()),
        "port": port,
        "articles": articles(document),
        "counts": counts,
    }
    with ExitStack() as laying:
        go([ready(worker("lay", laying), job, laying)])
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    return [job | {"number": number} for number in range(workers)]


@contextmanager
def _database() -> Iterator[dict[str, Any]]:
    """Create a database of its own on our server, and drop it at the end."""
    ours = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        try:
            yield {
                name: ours[name]
                for name in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
            } | {"NAME": DATABASE}
        finally:
            cursor.execute(f"DROP DATABASE {DATABASE}")
