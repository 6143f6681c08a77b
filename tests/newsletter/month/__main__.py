"""Live through days of real listings with the demo readers and count what must never be.

`python -m tests.newsletter.month LISTS [--days N] [--history N] [--before DAY]`. `LISTS` is a file
of JSON Lines (`.gz` too), a listing day each: `{"date", "papers": [{"id", "title", "abstract",
"authors", "published", "upvotes", "comments", "code"}]}`. It ends with 1 when a paper came twice or
had no reason or a generic one, when a score's parts come out different a second time, when books do
not balance, when readers got fewer digests than every second day, or one never a paper on a topic
that had some. The last can happen in a few days.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.management import call_command
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.servers import running_servers
from tests.newsletter.month.lists import ListedDay, listed_days

if TYPE_CHECKING:
    from tests.newsletter.month.findings import Findings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.newsletter.month", description=__doc__)
    parser.add_argument("lists", type=Path, help="the file of listing days")
    parser.add_argument(
        "--days",
        type=int,
        default=22,
        help="days with a list to live through (default %(default)s)",
    )
    parser.add_argument(
        "--history",
        type=int,
        default=40,
        help="days with a list that are known before (default %(default)s)",
    )
    parser.add_argument(
        "--before",
        type=date.fromisoformat,
        default=date.max,
        help="the last of the days is before this one",
    )
    options = parser.parse_args()
    days = listed_days(options.lists, before=options.before)[-(options.history + options.days) :]
    if len(days) <= options.history:
        parser.error(
            f"{options.lists} has {len(days)} days before {options.before}: fewer than --history "
            "and --days ask for"
        )
    with running_servers() as servers:
        os.environ |= servers.environment | {
            "MAIL_PROVIDER": "file",
            "DJANGO_SETTINGS_MODULE": "newsletter.settings",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        found = _lived_through(days[: options.history], days[options.history :])
    return _told(found, options.days)


def _lived_through(history: Sequence[ListedDay], days: Sequence[ListedDay]) -> "Findings":
    from subscriptions.demo_readers import (
        load_demo_readers,
    )  # Django must be set up before models are imported
    from subscriptions.models import Subscriber
    from subscriptions.topics import load_topics
    from tests.newsletter.month.findings import look_at_everything
    from tests.newsletter.month.life import calendar, live, read_lists

    seeds = Path(settings.BASE_DIR) / "seeds"
    load_topics(seeds / "topics.json")
    load_demo_readers(
        seeds / "readers.json", now=datetime.combine(days[0].day, time.min, UTC) - timedelta(days=1)
    )
    for earlier in history:
        read_lists(earlier)
    opinionated = Subscriber.objects.order_by("pk")[:4]
    every_day = list(calendar(days))
    for day, listed in track(
        every_day,
        "Living through days",
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    ):
        live(day, listed, opinionated)
    return look_at_everything()


def _told(found: "Findings", days: int) -> int:
    """Print what was found, and return the program's exit status."""
    table = Table("digests", "papers", *found.faults, "unfinished editions", "topics served")
    served, possible = (sum(column) for column in zip(*found.coverage.values(), strict=True))
    faults = [str(len(places)) for places in found.faults.values()]
    table.add_row(
        str(found.digests),
        str(found.papers),
        *faults,
        str(len(found.unfinished)),
        f"{served} of {possible}",
    )
    Console(width=170).print(table)
    for fault, places in found.faults.items():
        for place in places[:10]:
            print(f"{fault}: {place}")  # noqa: T201 (a program that prints its result)
    enough = found.digests > days * len(found.coverage) // 2
    return 0 if enough and served == possible and not any(found.faults.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
