"""Load the readers of the demo."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.demo_readers import BadReaders, load_demo_readers
from subscriptions.management.instants import instant


class Command(BaseCommand):
    help = (
        "Load confirmed demo readers from a JSON file; a second run changes nothing. Refused in "
        "production."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", nargs="?", type=Path, default=settings.BASE_DIR / "seeds" / "readers.json"
        )
        parser.add_argument(
            "--now",
            type=instant,
            default=None,
            help="the instant they confirmed, such as 2026-01-10T05:00:00Z",
        )

    def handle(self, *, path: Path, now: datetime | None, **_options: Any) -> None:
        try:
            new, there = load_demo_readers(path, now=now or timezone.now())
        except BadReaders as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{new} demo readers new, {there} already there.")
