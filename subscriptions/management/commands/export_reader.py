"""Hand a reader everything held about them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from subscriptions.addresses import BadAddress, fold
from subscriptions.models import Subscriber
from subscriptions.registry import export_reader


class Command(BaseCommand):
    help = "Print everything held about the reader of an address as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address")

    def handle(self, *, address: str, **_options: Any) -> None:
        try:
            reader = (
                Subscriber.objects.select_related("profile")
                .filter(address_key=fold(address))
                .first()
            )
        except BadAddress as error:
            raise CommandError(error.message) from error
        if reader is None:
            raise CommandError("No reader has this address.")
        self.stdout.write(json.dumps(export_reader(reader), indent=2, ensure_ascii=False))
