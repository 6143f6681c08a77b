"""Load the topics that readers choose from."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from subscriptions.topics import BadTopics, load_topics


class Command(BaseCommand):
    help = "Store the new topics of a JSON file. Topics that are stored already stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", nargs="?", type=Path, default=settings.BASE_DIR / "seeds" / "topics.json"
        )

    def handle(self, *, path: Path, **_options: Any) -> None:
        try:
            loaded = load_topics(path)
        except BadTopics as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{loaded.new} topics are new, {loaded.known} were stored before.")
        if loaded.name_taken:
            self.stderr.write(
                "Left out, because another topic has the same name: "
                f"{', '.join(loaded.name_taken)}."
            )
