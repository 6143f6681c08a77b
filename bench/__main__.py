"""`python -m bench`: sends real digests of a made-up edition in several ways, in turns, and prints
what each costs.

The world of a run is shaped like a production instance (bench.world): thousands of candidates, and
readers with profiles of their own. Beside it stands a small world (bench.small), for comparison.
Each section can be run alone; what takes longer than `--limit` is stopped, and the table says so.
"""

import argparse
import os
import subprocess
import sys

import django
from rich.console import Console

from bench.servers import running_servers

SECTIONS = {
    "freeze": "CPU and memory of the freeze",
    "first": "a fresh worker's first batch",
    "leave": "one-click leaving while an edition is frozen, and while a batch is claimed",
    "ways": "every way of sending, beside the naive loop",
    "small": "to nobody in the small world, and how that compares",
    "growth": "to nobody with more and more readers (--growth), small world",
    "plan": "planning for more and more readers (--plan), small world",
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog="Sections: " + "; ".join(f"{name}: {what}" for name, what in SECTIONS.items()),
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run"
    )
    parser.add_argument(
        "--readers", type=int, default=20_000, help="readers of the edition (default %(default)s)"
    )
    parser.add_argument(
        "--papers", type=int, default=3_500, help="candidates (default %(default)s)"
    )
    parser.add_argument(
        "--older",
        type=int,
        default=2_500,
        help="papers listed before the candidates (default %(default)s)",
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=600,
        help="seconds after which a run is stopped (default %(default)s)",
    )
    parser.add_argument(
        "--growth",
        type=int,
        nargs="*",
        default=[],
        help="more numbers of readers for the growth table, rising",
    )
    parser.add_argument(
        "--plan",
        type=int,
        nargs="*",
        default=[],
        help="numbers of readers to plan for, rising; the last thing measured",
    )
    parser.add_argument(
        "--naive",
        type=int,
        default=400,
        help="digests of the naive loop and of django-newsletter (default %(default)s)",
    )
    parser.add_argument(
        "--http", action="store_true", help="also measure an HTTP interface, which is slow"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="worker processes (default: one per core)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="rounds, of which the medians count (default %(default)s)",
    )
    parser.add_argument(
        "--small",
        action="store_true",
        help="measure the ways, growth and planning in the small world and nothing else",
    )
    parser.add_argument(
        "--databases",
        nargs="+",
        choices=("postgresql", "sqlite"),
        default=["postgresql", "sqlite"],
        help="where leaving is measured; all else is on PostgreSQL (default: both)",
    )
    return parser.parse_args()


def main() -> None:
    options, console = arguments(), Console(width=132)
    if "postgresql" in options.databases:
        _run(options, console, "postgresql")
    if "leave" in options.only and "sqlite" in options.databases and not options.small:
        if options.databases == ["sqlite"]:
            _run(options, console, "sqlite")
        else:
            _run_on_sqlite(options)


def _run(options: argparse.Namespace, console: Console, database: str) -> None:
    with running_servers(database) as servers:
        os.environ |= servers.environment | {
            "MAIL_PROVIDER": "file",
            "DJANGO_SETTINGS_MODULE": "newsletter.settings",
        }
        django.setup()
        # What uses models can be imported only now that the database's address is known.
        from bench.sections import Sections  # noqa: PLC0415 - see above

        Sections(options, servers, console).run()


def _run_on_sqlite(options: argparse.Namespace) -> None:
    """Measure leaving on SQLite in a process of its own, since settings name one database."""
    command = [sys.executable, "-m", "bench", "--only", "leave", "--databases", "sqlite"]
    sizes = (
        f"--{name}={getattr(options, name)}" for name in ("readers", "papers", "older", "limit")
    )
    subprocess.run([*command, *sizes], check=True)


if __name__ == "__main__":
    main()
