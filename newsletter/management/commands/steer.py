"""Steer a run from the command line: what the desk can do, for a night without a browser."""

from argparse import ArgumentParser
from datetime import datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console

from ingest.models import Paper
from newsletter.editions import WrongState
from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.management.commands.books import table
from newsletter.models import STOPPED, Batch, Delivery, DeliveryStatus, Edition
from newsletter.sending import control
from newsletter.sending.books import books, estimate
from newsletter.sending.failing import try_again


class Command(BaseCommand):
    help = (
        "Show how a run goes, pause and resume it, cancel it, retry what failed, settle what is "
        "uncertain, or strike a paper."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("edition", help="such as daily/2025-01-10, or its number")
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("status", help="the books, the pace and what waits for a person")
        for name, what in (
            ("pause", "stop within one mail per connection"),
            ("cancel", "end the run for good"),
        ):
            steps.add_parser(name, help=what).add_argument(
                "--because", required=True, help="the reason, which staff will read"
            )
        steps.add_parser("resume", help="go on where a pause stopped")
        steps.add_parser(
            "retry", help="try failed deliveries and failing batches again, and nothing else"
        )
        settle = steps.add_parser(
            "settle", help="settle uncertain deliveries by what the provider's own list shows"
        )
        settle.add_argument(
            "deliveries", nargs="+", type=int, help="their numbers, as `status` shows them"
        )
        found = settle.add_mutually_exclusive_group(required=True)
        found.add_argument("--arrived", action="store_true", help="the provider has them")
        found.add_argument(
            "--again", action="store_true", help="the provider never got them: send them again"
        )
        strike = steps.add_parser("strike", help="take a paper out of the frozen edition")
        strike.add_argument("paper", type=int, help="its number")
        strike.add_argument("--because", required=True, help="the reason, which staff will read")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            edition = find_edition(options["edition"])
            done = getattr(self, f"_{options['step']}")(edition, options, timezone.now())
        except (UnknownEdition, WrongState, Paper.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(done)

    def _status(self, edition: Edition, _options: dict[str, Any], now: datetime) -> str:
        console = Console(file=cast("IO[str]", self.stdout))
        console.print(table(edition, books(edition)))
        lines = [f"Paused: {edition.paused_reason}"] if edition.paused_at else []
        if ready_at := estimate(edition, now):
            lines.append(
                "At the pace of the last minutes, what is due now will have gone by "
                f"{ready_at:%H:%M} UTC."
            )
        lines += [
            f"{alert.get_kind_display().capitalize()}: {alert.reason}"
            for alert in edition.alerts.standing().exclude(kind__in=STOPPED)
        ]
        failing = Batch.objects.failing().filter(edition=edition).order_by("pk")
        lines += [
            f"Failing: batch {pk}, {count} times in a row ({reason})"
            for pk, count, reason in failing.values_list("pk", "failures", "failure_reason")[:50]
        ]
        uncertain = (
            edition.deliveries.filter(status=DeliveryStatus.UNCERTAIN)
            .order_by("pk")
            .values_list("pk", "reason")[:50]
        )
        lines += [f"Uncertain: {pk} ({reason})" for pk, reason in uncertain]
        return "\n".join(lines) or "Nothing waits for a person."

    def _pause(self, edition: Edition, options: dict[str, Any], now: datetime) -> str:
        control.pause(edition.pk, options["because"], now)
        return "Paused."

    def _resume(self, edition: Edition, _options: dict[str, Any], _now: datetime) -> str:
        control.resume(edition.pk)
        return "It goes on."

    def _cancel(self, edition: Edition, _options: dict[str, Any], _now: datetime) -> str:
        control.cancel_run(edition.pk)
        return "Cancelled: what is not handed over yet never will be."

    def _retry(self, edition: Edition, _options: dict[str, Any], now: datetime) -> str:
        deliveries = control.retry_failed(edition.pk, now)
        batches = try_again(edition.batches.all(), now)
        return f"Tried again: {deliveries} failed deliveries, {batches} failing batches."

    def _settle(self, edition: Edition, options: dict[str, Any], now: datetime) -> str:
        ours = Delivery.objects.filter(edition=edition, pk__in=options["deliveries"]).values_list(
            "pk", flat=True
        )
        settled = control.settle_uncertain(ours, arrived=options["arrived"], now=now)
        return (
            f"{settled} deliveries "
            f"{'count as sent' if options['arrived'] else 'are planned again'}."
        )

    def _strike(self, edition: Edition, options: dict[str, Any], now: datetime) -> str:
        paper = Paper.objects.get(pk=options["paper"], candidacies__edition=edition)
        control.strike(edition, paper, options["because"], None, now)
        return f"Struck: {paper.title}"
