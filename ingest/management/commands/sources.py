"""`manage.py sources`: how each source is."""

import json
import sys
from datetime import datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from ingest.health import MISSING, SourceHealth, Standing, health
from ingest.known_sources import enabled_sources
from ingest.management.arguments import instant

STYLES = {Standing.FINE: "green", Standing.QUIET: "yellow", Standing.OFF: "dim"} | dict.fromkeys(
    MISSING, "red"
)


class Command(BaseCommand):
    help = (
        "Tell how each source is: what it brought last, what is wrong, and when it is asked next."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object instead of a table"
        )
        parser.add_argument(
            "--now",
            type=instant,
            help="the instant to judge at, ISO 8601 with an offset (default: the present)",
        )

    def handle(self, *, now: datetime | None, **options: Any) -> None:
        enabled_sources()
        states = health(now or timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps({"sources": [_as_json(state) for state in states]}))
            return
        table = Table(
            "Source",
            "Standing",
            "Last good answer",
            "Last new papers",
            "Asked next",
            "Waits until",
            "Problem",
        )
        for state in states:
            instants = (
                state.last_good_at,
                state.last_listed_at,
                state.next_due_at,
                state.waits_until,
            )
            table.add_row(
                state.source.slug,
                str(state.standing),
                *map(_shown, instants),
                state.error,
                style=STYLES.get(state.standing),
            )
        table.columns[0].no_wrap = table.columns[1].no_wrap = True
        Console(
            file=cast("IO[str]", self.stdout),
            highlight=False,
            markup=False,
            width=None if sys.stdout.isatty() else 160,
        ).print(table)


def _shown(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


def _as_json(state: SourceHealth) -> dict[str, str | None]:
    return {
        "source": state.source.slug,
        "kind": state.source.kind,
        "standing": str(state.standing),
        "last_good_at": state.last_good_at.isoformat() if state.last_good_at else None,
        "last_listed_at": state.last_listed_at.isoformat() if state.last_listed_at else None,
        "next_due_at": state.next_due_at.isoformat() if state.next_due_at else None,
        "waits_until": state.waits_until.isoformat() if state.waits_until else None,
        "error": state.error,
    }
