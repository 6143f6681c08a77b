"""Send what is due of an edition in this process, with a progress bar; workers may run beside
it.
"""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from newsletter.clock import BadInstant, Clock, parse_instant, ticking
from newsletter.editions.day import freeze_or_hold
from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.garbage import collect_rarely
from newsletter.management.commands.books import table
from newsletter.models import BEFORE_FROZEN, BatchState, Edition, EditionState
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.plan import plan_edition
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from subscriptions.arming import is_armed


class Command(BaseCommand):
    help = (
        "Freeze and plan an edition where that is left to do, and send every digest of it that is "
        "due now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("edition", help="such as daily/2025-01-10, or its number")
        parser.add_argument(
            "--now", help="an instant such as 2025-01-10T08:00:00Z that replaces the real time"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            clock = ticking(parse_instant(options["now"]) if options["now"] else None)
            edition = find_edition(options["edition"])
        except (BadInstant, UnknownEdition) as error:
            raise CommandError(str(error)) from error
        if not is_armed(clock()):
            raise CommandError(
                "This machine is not armed: if it is the one that should send from this database, "
                "run `manage.py arm`."
            )
        self._prepare(edition, clock)
        console = Console(file=cast("IO[str]", self.stdout))
        self._send_due(edition, clock, console)
        sweep(clock(), only=edition)
        edition.refresh_from_db()
        console.print(table(edition, books(edition)))
        for batch in edition.batches.filter(state=BatchState.PLANNED, failures__gt=0):
            console.print(f"Batch {batch.pk} could not be claimed: {batch.failure_reason}.")
        if following := next_instant(edition):
            console.print(f"The next batch is due at {following:%Y-%m-%d %H:%M} UTC.")

    def _prepare(self, edition: Edition, clock: Clock) -> None:
        if edition.state in BEFORE_FROZEN and not freeze_or_hold(edition, clock()):
            edition.refresh_from_db()
            raise CommandError(f"{edition} could not be frozen. {edition.held_reason}")
        plan_edition(edition.pk, clock())
        edition.refresh_from_db()
        if edition.state not in (EditionState.SENDING, EditionState.DONE):
            raise CommandError(
                f"{edition} is {edition.get_state_display()}: it cannot be sent. "
                f"{edition.held_reason}".rstrip()
            )
        if edition.paused_at:
            raise CommandError(
                f"{edition} is paused: {edition.paused_reason} Resume it at the desk first."
            )

    def _send_due(self, edition: Edition, clock: Clock, console: Console) -> None:
        collect_rarely()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as progress:
            account = books(edition)
            bar = progress.add_task("readers settled", total=account.due, completed=account.settled)
            tried: set[int] = set()
            while waiting := [
                pk for pk in due_batches(clock(), edition=edition) if pk not in tried
            ]:
                tried.add(waiting[0])
                send_batch(waiting[0], clock)
                progress.update(bar, completed=books(edition).settled)
