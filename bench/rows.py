"""`python -m bench.rows`: measures how many bytes PostgreSQL keeps per digest, candidate and paper,
and prints the size of the database after a year with the periods of the settings.

It sends one edition of the small world for real, to nobody, and asks pg_total_relation_size, which
counts indexes and large values too, before and after.
"""

import argparse
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from bench.servers import running_servers

if TYPE_CHECKING:
    from django.db.models import Model

LISTED_A_DAY = 700
"""Papers that a production instance lists on a working day, as on the days that bench.papers was
measured on; counted for every day here.
"""
COUNTS_A_LISTING = 4
"""Changes of votes that are written down for a paper, on average of all sources."""
YEAR = 365


@dataclass(frozen=True, slots=True)
class Line:
    """Bytes of a table per row of something, how many of that come in a day, and how many days
    they are kept.
    """

    table: str
    each: float
    unit: str
    a_day: int
    days: int

    @property
    def after_a_year(self) -> float:
        return self.each * self.a_day * min(self.days, YEAR)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rows", description=__doc__)
    parser.add_argument("--readers", type=int, default=20_000, help="digests that are sent")
    parser.add_argument("--daily", type=int, default=100_000, help="readers of the printed year")
    options, console = parser.parse_args(), Console(width=120)
    with running_servers() as servers:
        os.environ |= servers.environment | {
            "MAIL_PROVIDER": "file",
            "DJANGO_SETTINGS_MODULE": "newsletter.settings",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        lines = _measured(options.readers, options.daily)
    table = Table("table", "bytes", "per", "a day", "days kept", "MB after a year")
    for line in lines:
        table.add_row(
            line.table,
            f"{line.each:,.0f}",
            line.unit,
            f"{line.a_day:,}",
            "all" if line.days > YEAR else str(line.days),
            f"{line.after_a_year / 1e6:,.0f}",
        )
    console.print(table)
    whole = sum(line.after_a_year for line in lines)
    console.print(f"{whole / 1e9:.1f} GB after a year with {options.daily:,} readers a day")


def _measured(readers: int, daily: int) -> list[Line]:
    # What uses models can be imported only now that the database's address is known.
    from django.conf import settings  # noqa: PLC0415 - see above
    from django.db import connection  # noqa: PLC0415

    from bench import small  # noqa: PLC0415
    from bench.millions import send_to  # noqa: PLC0415
    from ingest.models import Count, Listing, Paper  # noqa: PLC0415
    from newsletter.models import (  # noqa: PLC0415
        Batch,
        Candidate,
        CompiledEdition,
        Delivery,
        Edition,
        MailedHistory,
    )
    from subscriptions.models import Profile, Subscriber  # noqa: PLC0415

    def size(*models: "type[Model]") -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(pg_total_relation_size(name::regclass)) "
                "FROM unnest(%s::text[]) AS name",
                [[model._meta.db_table for model in models]],
            )
            (octets,) = cursor.fetchone()
        return int(octets)

    edition = small.make_world()
    small.add_readers(readers)
    before = {model: size(model) for model in (Delivery, Batch, MailedHistory)}
    send_to(edition, readers)
    sent = edition.deliveries.count()
    grown = {model: size(model) - octets for model, octets in before.items()}
    candidates = LISTED_A_DAY * settings.CANDIDATE_DAYS
    here, counts = edition.candidates.count(), Count.objects.count()
    kept = settings.KEEP_DELIVERIES_DAYS
    for_good = YEAR + 1
    return [
        Line("deliveries", grown[Delivery] / sent, "digest", daily, kept),
        Line("batches", grown[Batch] / sent, "digest", daily, kept),
        Line("mailed histories", grown[MailedHistory] / sent, "digest", daily, for_good),
        Line("readers, profiles", size(Subscriber, Profile) / readers, "reader", daily, 1),
        Line(
            "statistics, compiled editions",
            size(Edition, CompiledEdition) / here,
            "candidate",
            candidates,
            kept,
        ),
        Line(
            "candidates",
            size(Candidate) / here,
            "candidate",
            candidates,
            settings.KEEP_CANDIDATES_DAYS,
        ),
        Line(
            "papers, listings",
            size(Paper, Listing) / Paper.objects.count(),
            "paper",
            LISTED_A_DAY,
            for_good,
        ),
        Line(
            "counts",
            size(Count) / counts,
            "count",
            LISTED_A_DAY * COUNTS_A_LISTING,
            settings.KEEP_COUNTS_DAYS,
        ),
    ]


if __name__ == "__main__":
    main()
