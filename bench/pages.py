"""`python -m bench.pages`: asks for every page of the desk and the site in a world with a long
history, and prints how long each takes.

For each page: milliseconds of the first request in this process and of the fastest of a few later
ones, the database's time included; the queries of one request; the size of the answer, plain and
packed with gzip; and the tables of more than 10,000 rows that PostgreSQL reads from end to end for
it, by EXPLAIN. A query that takes longer than `--limit` is broken off.
"""

import argparse
import logging
import os
import time
from itertools import chain
from typing import TYPE_CHECKING

import django
import time_machine
from django.core.management import call_command
from rich.console import Console

from bench.servers import running_servers

if TYPE_CHECKING:
    from bench.visits import Visit

SLOW, TOO_SLOW = 150, 400
"""Milliseconds from which on a row is yellow, and red."""
NAME = 46
COLUMNS = (
    ("status", 6),
    ("first ms", 8),
    ("ms", 9),
    ("queries", 7),
    ("kB", 8),
    ("kB packed", 9),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    for name, default, what in (
        ("readers", 1_000_000, "readers"),
        ("deliveries", 3_000_000, "deliveries"),
        ("papers", 500_000, "papers"),
        ("editions", 1_000, "editions"),
        ("candidates", 3_500, "candidates of the newest edition"),
        ("older", 2_500, "papers listed before them, which are not copies"),
        ("profiled", 2_000, "readers with a profile made for them; all others are copies"),
        ("repeat", 5, "requests of each page after the first"),
        ("limit", 30, "seconds after which a query is broken off"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"{what} (default %(default)s)"
        )
    parser.add_argument(
        "--match", default="", help="only pages with this in their name, such as 'desk: deliver'"
    )
    return parser.parse_args()


def main() -> None:
    options, console = arguments(), Console(highlight=False)
    with running_servers() as servers:
        os.environ |= servers.environment | {
            "MAIL_PROVIDER": "file",
            "DJANGO_SETTINGS_MODULE": "newsletter.settings",
            "BATCH_SIZE": "100",
        }
        django.setup()
        logging.disable(logging.CRITICAL)  # a refused page tells its status below
        call_command("migrate", verbosity=0)
        # What uses models can be imported only now that the database's address is known.
        from bench import visits, world  # noqa: PLC0415 - see above
        from bench.millions import Amounts, make_history  # noqa: PLC0415 - as above

        size = world.Size(options.candidates, options.older, options.profiled)
        amounts = Amounts(options.readers, options.deliveries, options.papers, options.editions)
        with time_machine.travel(world.ALL_DUE):
            began = time.monotonic()
            for step in make_history(size, amounts):
                console.print(f"{time.monotonic() - began:6.0f} s  {step}", style="dim")
            visitor = visits.Visitor(options.repeat, options.limit)
            console.print(heading(), style="bold")
            seen = []
            for page in chain(visits.site_pages(), visits.desk_pages(visitor)):
                if options.match in page.name:
                    seen.append(visitor.visit(page))
                    console.print(line(seen[-1]), style=colour(seen[-1]), soft_wrap=True)
    console.print(
        f"{len(seen)} pages, {sum(visit.best > SLOW for visit in seen)} over {SLOW} ms, "
        f"{sum(visit.best > TOO_SLOW for visit in seen)} over {TOO_SLOW} ms, "
        f"{sum(bool(visit.scans) for visit in seen)} with a scan of a large table"
    )


def heading() -> str:
    names = " ".join(f"{name:>{width}}" for name, width in COLUMNS)
    return f"{'page':<{NAME}} {names}  scans"


def line(visit: "Visit") -> str:
    """Return one page's figures, under the columns' names."""
    values = (
        str(visit.status),
        f"{visit.first:,.0f}",
        "too long" if visit.broken_off else f"{visit.best:,.1f}",
        str(visit.queries),
        f"{visit.octets / 1000:.1f}",
        f"{visit.packed / 1000:.1f}",
    )
    figures = " ".join(
        f"{value:>{width}}" for value, (_, width) in zip(values, COLUMNS, strict=True)
    )
    return f"{visit.page.name[:NAME]:<{NAME}} {figures}  {' '.join(visit.scans)}".rstrip()


def colour(visit: "Visit") -> str:
    return "red" if visit.best > TOO_SLOW else "yellow" if visit.best > SLOW else ""


if __name__ == "__main__":
    main()
