"""Let this machine send mail from this database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.arming import arm, disarm_others


class Command(BaseCommand):
    help = (
        "Let this machine send mail from this database. A restored backup and a copied database "
        "stay silent until then: "
        "make sure that no other copy of it goes on sending."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--alone",
            action="store_true",
            help="take the right to send from every other machine of this database",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            name = arm(timezone.now())
        except OSError as error:
            raise CommandError(f"The machine's file could not be written: {error}") from error
        self.stdout.write(f"{name} may send mail from this database. Its workers begin in seconds.")
        if options["alone"]:
            self.stdout.write(f"{disarm_others()} other machines may not any more.")
