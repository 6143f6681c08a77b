"""How the figures of a run are shown: what stands in which table."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bench.crew import Unfinished
from bench.moments import Leaving
from bench.protocol import Told
from bench.runs import Figures, Planning, Stopped, Way

LEFT = {"way", "what", "database", "meanwhile"}


def new_table(*headings: str) -> Table:
    """Return a table without rows yet; columns of words stand left, those of figures right."""
    table = Table()
    for heading in headings:
        table.add_column(heading, justify="left" if heading in LEFT else "right", no_wrap=True)
    return table


def ways_table(taken: Mapping[Way, Sequence[Figures | Stopped]]) -> Table:
    """Show every way, the medians of its rounds. The first one is what others are compared with."""
    table = new_table(
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
    )
    naive = next(iter(taken.values()))
    prebuilt = {
        way.sink: _rate(runs) for way, runs in taken.items() if way.work == "prebuilt" and runs
    }
    for way, runs in taken.items():
        table.add_row(way.name, *_way_cells(way, runs, naive, prebuilt))
    return table


def _way_cells(
    way: Way,
    runs: Sequence[Figures | Stopped],
    naive: Sequence[Figures | Stopped],
    prebuilt: Mapping[str, float | None],
) -> list[str]:
    done = [figures for figures in runs if isinstance(figures, Figures)]
    if not done:
        return _stopped_cells([each for each in runs if isinstance(each, Stopped)])
    rates = [figures.rate for figures in done]
    rate, cpu = statistics.median(rates), _cpu(done)
    ready, naive_rate, naive_cpu = prebuilt.get(way.sink), _rate(naive), _cpu(naive)
    return [
        f"{done[0].digests:,}",
        f"{rate:,.0f}",
        f"{min(rates):,.0f}–{max(rates):,.0f}",
        f"{rate / naive_rate:.1f}" if naive_rate else "",
        f"{rate / ready:.0%}" if way.work == "send" and ready else "",
        f"{cpu:,.0f}",
        f"{naive_cpu / cpu:.1f}" if naive_cpu and cpu else "",
        f"{max(figures.memory for figures in done):,.0f}",
        f"{done[0].octets / done[0].digests / 1000:.1f}" if way.sink else "",
    ]


def _stopped_cells(runs: Sequence[Stopped]) -> list[str]:
    worst = max(runs, key=lambda stopped: stopped.memory)
    return [
        f"{worst.digests:,}",
        f"did not finish in {worst.limit:.0f} s",
        *[""] * 5,
        f"{worst.memory:,.0f}",
        "",
    ]


def _rate(runs: Sequence[Figures | Stopped]) -> float | None:
    rates = [figures.rate for figures in runs if isinstance(figures, Figures)]
    return statistics.median(rates) if rates else None


def _cpu(runs: Sequence[Figures | Stopped]) -> float | None:
    cpu = [figures.cpu_each for figures in runs if isinstance(figures, Figures)]
    return statistics.median(cpu) if cpu else None


def comparison_table(
    real: Sequence[Figures | Stopped], small: Sequence[Figures | Stopped]
) -> Table:
    """Show what a digest to nobody costs in the two worlds, and how they compare."""
    table = new_table("what", "µs", "÷ small world")
    real_cpu, small_cpu = _cpu(real), _cpu(small)
    for name, cpu in (
        ("the world of this run", real_cpu),
        ("small world: 200 papers, shared topics", small_cpu),
    ):
        ratio = f"{cpu / small_cpu:.1f}" if cpu and small_cpu else ""
        table.add_row(name, f"{cpu:,.0f}" if cpu else "did not finish", ratio)
    return table


def freeze_table(ahead: Told | Unfinished, frozen: Told | Unfinished) -> Table:
    """Show what the freeze cost, and the tasks ahead of it."""
    table = new_table(
        "what",
        "seconds",
        "CPU s",
        "CPU s of the database",
        "MB at most",
    )
    table.add_row("the beat's tasks ahead of it", *_costs(ahead))
    table.add_row("freeze", *_costs(frozen))
    return table


def first_table(told: Told | Unfinished) -> Table:
    """Show what a fresh worker's first digests cost."""
    table = new_table(
        "what",
        "digests",
        "seconds",
        "CPU s",
        "MB at most",
    )
    if isinstance(told, Unfinished):
        table.add_row("first 500 readers", "", *_stopped(told, 2), f"{told.memory:,.0f}")
        return table
    rows = (
        ("claim, until the first mail", 1, "_to_first"),
        ("first batch, to its end", told.get("batch", 0), "_batch"),
        ("all of these batches", told["done"], ""),
    )
    for what, digests, suffix in rows:
        wall, cpu = told.get(f"wall{suffix}"), told.get(f"cpu{suffix}")
        memory = "" if suffix else f"{told['memory']:,.0f}"
        table.add_row(what, f"{digests:,}", _seconds(wall), _seconds(cpu), memory)
    return table


def leaving_table(taken: Mapping[str, Leaving], database: str) -> Table:
    """Show how long one-click leaving takes while something else is under way."""
    table = new_table(
        "database",
        "meanwhile",
        "seconds of it",
        "requests",
        "failed",
        "median ms",
        "95 % ms",
        "longest ms",
    )
    for meanwhile, leaving in taken.items():
        during = leaving.during
        lasted = (
            f"stopped after {during.limit:.0f}"
            if isinstance(during, Unfinished)
            else f"{during['wall']:.1f}"
        )
        table.add_row(
            database,
            meanwhile,
            lasted,
            f"{leaving.requests:,}",
            f"{leaving.failed:,}",
            f"{leaving.median:,.0f}",
            f"{leaving.late:,.0f}",
            f"{leaving.latest:,.0f}",
        )
    return table


def growth_table(grown: Mapping[int, Figures | Stopped]) -> Table:
    """Show what a digest costs with more and more readers."""
    table = new_table(
        "readers",
        "digests/s",
        "CPU µs",
        "MB",
    )
    for readers, figures in grown.items():
        if isinstance(figures, Stopped):
            cells = (f"did not finish in {figures.limit:.0f} s", "", f"{figures.memory:,.0f}")
        else:
            cells = (
                f"{figures.rate:,.0f}",
                f"{figures.cpu_each:,.0f}",
                f"{figures.memory:,.0f}",
            )
        table.add_row(f"{readers:,}", *cells)
    return table


def plan_table(planned: Sequence[Planning]) -> Table:
    """Show what planning costs with more and more readers."""
    table = new_table(
        "readers",
        "seconds",
        "MB",
        "due scan ms",
    )
    for each in planned:
        table.add_row(
            f"{each.readers:,}", f"{each.wall:.1f}", f"{each.memory:,.0f}", f"{each.scan:.1f}"
        )
    return table


def _costs(told: Told | Unfinished) -> list[str]:
    if isinstance(told, Unfinished):
        return [*_stopped(told, 3), f"{told.memory:,.0f}"]
    return [
        _seconds(told["wall"]),
        _seconds(told["cpu"]),
        _seconds(told["database"]),
        f"{told['memory']:,.0f}",
    ]


def _stopped(told: Unfinished, cells: int) -> list[str]:
    return [f"did not finish in {told.limit:.0f}", f"{told.cpu:.1f}", *[""] * (cells - 2)]


def _seconds(value: Any) -> str:
    return "" if value is None else f"{value:.2f}"
