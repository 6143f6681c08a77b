"""`manage.py healthcheck PART`: whether a part of this instance works; what the containers'
healthchecks run.
"""

import socket
import time
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsletter.celery import app

SCHEDULE_SECONDS = 600
"""The scheduler writes its schedule every three minutes; three missed times in a row mean that
it stands still.
"""


class Command(BaseCommand):
    help = "Exit 0 when the named part works, else say what is wrong and exit 1."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", choices=["web", "worker", "scheduler"])
        parser.add_argument(
            "--port", type=int, default=8000, help="port of the site (default: %(default)s)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        match options["part"]:
            case "web":
                _check_web(options["port"])
            case "worker":
                _check_worker()
            case "scheduler":
                _check_scheduler()
        self.stdout.write("ok")


def _check_web(port: int) -> None:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz/ready", timeout=5)
    except httpx.HTTPError as error:
        raise CommandError(f"The site does not answer on port {port}: {error}") from error
    if answer.status_code != 200:
        raise CommandError(f"The site answered {answer.status_code}; its log says why.")


def _check_worker() -> None:
    name = f"celery@{socket.gethostname()}"
    if not app.control.ping(destination=[name], timeout=10):
        raise CommandError(f"The worker {name} does not answer over the broker.")


def _check_scheduler() -> None:
    schedule = Path(settings.CELERY_BEAT_SCHEDULE_FILENAME)
    times = [path.stat().st_mtime for path in schedule.parent.glob(f"{schedule.name}*")]
    if not times or time.time() - max(times) > SCHEDULE_SECONDS:
        raise CommandError(
            f"The scheduler has not written its schedule for {SCHEDULE_SECONDS} seconds."
        )
