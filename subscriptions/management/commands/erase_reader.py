"""Forget a reader."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.addresses import BadAddress, fold
from subscriptions.models import Subscriber
from subscriptions.registry import erase_reader


class Command(BaseCommand):
    help = (
        "Erase everything held about the reader of an address and print the receipt. This cannot "
        "be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address")
        parser.add_argument(
            "--yes", action="store_true", help="do it; without this nothing is changed"
        )

    def handle(self, *, address: str, yes: bool, **_options: Any) -> None:
        try:
            reader = Subscriber.objects.filter(address_key=fold(address)).first()
        except BadAddress as error:
            raise CommandError(error.message) from error
        if reader is None:
            raise CommandError("No reader has this address.")
        if not yes:
            raise CommandError(f"This would erase reader {reader.pk} for good. Say --yes to do it.")
        self.stdout.write(
            json.dumps(
                {"reader": reader.pk, "erased": erase_reader(reader, now=timezone.now())}, indent=2
            )
        )
