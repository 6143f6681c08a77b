"""`manage.py demo`: a day of Paperboy, end to end, on sample listings and embedded defaults."""

import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ingest.management.arguments import year
from newsletter.demo.report import book_table, digest_table, import_table, sent_count
from newsletter.demo.run import WorkerGone, anything_left, send_all
from newsletter.demo.stage import (
    NothingToSend,
    import_listings,
    load_readers,
    newest_day,
    prepare,
    too_late,
)
from newsletter.models import Edition
from newsletter.processes import migrate, one_machine, worker_command
from newsletter.sending.books import books

PIPED_WIDTH = 150


class Command(BaseCommand):
    help = (
        "Read listings, open one edition, and mail the demo readers at their hours, with the clock "
        "stepped from hour to hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "listings",
            nargs="*",
            type=Path,
            metavar="LISTING",
            help="listing pages as text (default: those of seeds/)",
        )
        parser.add_argument(
            "--year", type=year, help="the year of the pages, which they do not say themselves"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo writes readers who have confirmed nothing, so it does not run where "
                "ENVIRONMENT is production."
            )
        console = _console()
        # The tables below say the same in fewer words; warnings still come through.
        logging.getLogger("newsletter").setLevel(logging.WARNING)
        migrate()
        editions = self._prepared(console, options["listings"], options["year"])
        before = sent_count(editions)
        began = time.monotonic()
        self._send(console, editions)
        seconds = time.monotonic() - began
        console.print(digest_table(editions))
        console.print(book_table(editions))
        self._close(console, editions, sent_count(editions) - before, seconds)

    def _prepared(
        self, console: Console, listings: list[Path], page_year: int | None
    ) -> list[Edition]:
        console.print(import_table(import_listings(listings, page_year)))
        try:
            day = newest_day()
        except NothingToSend as error:
            raise CommandError(str(error)) from error
        load_readers(day)
        editions = prepare(day)
        console.print(
            f"The clock stands at {day.now:%A %-d %B %Y, %H:%M} UTC. Editions: "
            f"{', '.join(map(str, editions))}."
        )
        if missed := too_late(day, editions):
            console.print(
                f"Too late for the editions of {day.day}, which an earlier demo has frozen: "
                f"{missed} of the papers."
            )
            console.print(f"To begin anew, remove {settings.VAR_DIR}.")
        return editions

    def _send(self, console: Console, editions: list[Edition]) -> None:
        if not anything_left(editions):
            return
        with one_machine() as processes:
            processes.start("worker", *worker_command())
            with _progress(console) as progress:
                readers = sum(books(edition).due for edition in editions)
                bar = progress.add_task(
                    "Starting a worker", total=readers, completed=sent_count(editions)
                )

                def told(instant: datetime) -> None:
                    progress.update(
                        bar, description=f"{instant:%a %H:%M} UTC", completed=sent_count(editions)
                    )

                try:
                    send_all(editions, processes, told)
                except WorkerGone as error:
                    raise CommandError(str(error)) from error

    def _close(self, console: Console, editions: list[Edition], sent: int, seconds: float) -> None:
        unbalanced = [str(edition) for edition in editions if not books(edition).balanced]
        if unbalanced:
            raise CommandError(
                f"The books of {', '.join(unbalanced)} do not balance. That is a fault: please "
                "report it with the table above."
            )
        if sent:
            console.print(
                f"Sent {sent} digests in {seconds:.1f} s. The mails are in {settings.OUTBOX_DIR}."
            )
        else:
            console.print(
                "Every reader had their digest already, so nothing was sent twice and nothing was "
                "sent now."
            )
        console.print("Look at them in a browser: make serve")


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} digests"),
    )
    return Progress(*columns, console=console, transient=True)


def _console() -> Console:
    """A terminal keeps its own width; a file or a pipe, which has none, gets one that the tables
    fit in.
    """
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)
