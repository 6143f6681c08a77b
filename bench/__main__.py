"""`python -m bench`: the ways of sending, interleaved, medians of several rounds, as a table."""

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import django
from rich.console import Console
from rich.table import Table

from bench.rival.installed import is_installed
from bench.servers import Servers, running_servers

if TYPE_CHECKING:
    from bench.runs import Figures, Way
    from newsletter.models import Edition


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--readers", type=int, default=10_000, help="readers of the edition (default %(default)s)"
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
    parser.add_argument("--only-plan", action="store_true", help="measure nothing else")
    parser.add_argument(
        "--only-growth",
        action="store_true",
        help="measure build and books for the numbers of readers, nothing else",
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
    parser.add_argument("--topics", type=int, default=30)
    parser.add_argument("--papers", type=int, default=200)
    return parser.parse_args()


def main() -> None:
    options, console = arguments(), Console(width=132)
    with running_servers() as servers:
        os.environ |= servers.environment | {
            "MAIL_PROVIDER": "file",
            "DJANGO_SETTINGS_MODULE": "newsletter.settings",
        }
        django.setup()
        measure(options, servers, console)


def measure(options: argparse.Namespace, servers: Servers, console: Console) -> None:
    # What uses models can be imported only now that the database's address is known.
    from django.core.management import call_command  # noqa: PLC0415 - see above

    from bench import runs, world  # noqa: PLC0415 - see above

    call_command("migrate", verbosity=0)
    edition = world.make_world(options.topics, options.papers)
    console.print(f"compiled edition of {options.papers} papers: {compile_seconds(edition):.2f} s")
    world.add_readers(options.readers)
    if options.only_plan:
        plan(options, edition, servers, console)
        return
    every = [runs.NULL] if options.only_growth else list(runs.WAYS)
    ways = [way for way in every if way is not runs.HTTP or options.http]
    if runs.RIVAL in ways and not is_installed():
        console.print(
            "django-newsletter is not installed, so it is left out; `make bench-rival` installs it."
        )
        ways.remove(runs.RIVAL)
    taken: dict[Way, list[Figures]] = {way: [] for way in ways}
    for number in range(options.rounds):
        for way in ways:
            console.print(f"round {number + 1}: {way.name}", style="dim")
            count = min(options.naive, options.readers) if way in runs.SLOW else options.readers
            taken[way].append(runs.run(way, edition, servers, options.workers, count))
    if not options.only_growth:
        console.print(main_table(taken, options))
    if options.growth:
        grown = {options.readers: median_run(taken[runs.NULL])}
        for readers in options.growth:
            world.add_readers(readers)
            grown[readers] = runs.run(runs.NULL, edition, servers, options.workers, readers)
        console.print(growth_table(grown))
    plan(options, edition, servers, console)


def plan(
    options: argparse.Namespace, edition: "Edition", servers: Servers, console: Console
) -> None:
    """Plan for more and more readers and say how long it took."""
    from bench import runs, world  # noqa: PLC0415 - as above

    table = Table(title="planning, and asking what is due afterwards")
    for heading in ("readers", "seconds", "MB", "due scan ms"):
        table.add_column(heading, justify="right")
    for readers in options.plan:
        world.add_planned_readers(readers)
        planned = runs.plan(edition, servers)
        table.add_row(
            f"{planned.readers:,}",
            f"{planned.wall:.1f}",
            f"{planned.memory:,.0f}",
            f"{planned.scan:.1f}",
        )
    if options.plan:
        console.print(table)


def compile_seconds(edition: "Edition") -> float:
    """Return how long compiling takes, the fastest of three."""
    from newsletter.composing.compiled import compile_edition  # noqa: PLC0415 - needs the set-up, as above
    from newsletter.editions.candidates import candidates_of  # noqa: PLC0415 - as above
    from newsletter.editions.content import content_of  # noqa: PLC0415 - as above

    content = content_of(edition, candidates_of(edition))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        compile_edition(content)
        times.append(time.perf_counter() - began)
    return min(times)


def median_run(taken: "Sequence[Figures]") -> "Figures":
    """Return the run with the median rate."""
    return sorted(taken, key=lambda figures: figures.rate)[len(taken) // 2]


def main_table(taken: "dict[Way, list[Figures]]", options: argparse.Namespace) -> Table:
    naive = next(iter(taken.values()))
    table = Table(
        title=f"{options.readers:,} readers, {options.topics} topics, {options.papers} papers, "
        f"{options.workers} workers; "
        f"medians of {options.rounds}; "
        "CPU a digest of product and database, without the sink; MB of the largest worker"
    )
    for heading in (
        "way",
        "digests",
        "digests/s",
        "spread",
        "× naive",
        "of prebuilt",
        "CPU µs",
        "naive ÷",
        "MB",
        "kB a mail",
    ):
        table.add_column(heading, justify="left" if heading == "way" else "right", no_wrap=True)
    naive_rate = statistics.median(figures.rate for figures in naive)
    naive_cpu = statistics.median(figures.cpu_each for figures in naive)
    prebuilt = {
        way.sink: statistics.median(figure.rate for figure in taken[way])
        for way in taken
        if way.work == "prebuilt"
    }
    for way, figures in taken.items():
        rates = [figure.rate for figure in figures]
        rate, cpu = (
            statistics.median(rates),
            statistics.median(figure.cpu_each for figure in figures),
        )
        table.add_row(
            way.name,
            f"{figures[0].digests:,}",
            f"{rate:,.0f}",
            f"{min(rates):,.0f}–{max(rates):,.0f}",
            f"{rate / naive_rate:.1f}",
            f"{rate / prebuilt[way.sink]:.0%}"
            if way.work == "send" and way.sink in prebuilt
            else "",
            f"{cpu:,.0f}",
            f"{naive_cpu / cpu:.1f}",
            f"{max(figure.memory for figure in figures):,.0f}",
            f"{figures[0].octets / figures[0].digests / 1000:.1f}" if way.sink else "",
        )
    return table


def growth_table(grown: "dict[int, Figures]") -> Table:
    table = Table(title="growth: build and books only")
    for heading in ("readers", "digests/s", "CPU µs", "MB"):
        table.add_column(heading, justify="right")
    for readers, figures in grown.items():
        table.add_row(
            f"{readers:,}",
            f"{figures.rate:,.0f}",
            f"{figures.cpu_each:,.0f}",
            f"{figures.memory:,.0f}",
        )
    return table


if __name__ == "__main__":
    main()
