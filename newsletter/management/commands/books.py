"""Print the books of an edition."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.models import Edition
from newsletter.sending.books import Books, books


class Command(BaseCommand):
    help = (
        "Print the books of an edition: every reader it was due to, and what became of their "
        "digest."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("edition", help="such as daily/2025-01-10, or its number")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            edition = find_edition(options["edition"])
        except UnknownEdition as error:
            raise CommandError(str(error)) from error
        account = books(edition)
        Console(file=cast("IO[str]", self.stdout)).print(table(edition, account))
        if not account.balanced:
            raise CommandError("The books do not balance: some reader is missing or counted twice.")


def table(edition: Edition, account: Books) -> Table:
    """Return the books as a table, accounts without readers left out."""
    lines = Table(title=f"Books of {edition} ({edition.get_state_display()})", title_justify="left")
    lines.add_column("account")
    lines.add_column("readers", justify="right")
    for name, count in account.lines():
        if count or name == "due":
            lines.add_row(name, str(count))
    lines.add_section()
    lines.add_row("balanced", "yes" if account.balanced else "NO")
    return lines
