"""The sections of `python -m bench`: first those in the world that is shaped like a production
instance, then those in the small one.
"""

import argparse
import shlex
import time
from collections.abc import Sequence

from django.core.management import call_command
from django.db import connection
from rich.console import Console
from rich.table import Table

from bench import copies, moments, runs, small, tables, world
from bench.crew import Unfinished
from bench.rival.installed import is_installed
from bench.runs import Figures, Stopped, Way
from bench.servers import Servers
from newsletter.editions import open_edition
from newsletter.models import Edition
from newsletter.sending.frozen import forget

SMALL_DATABASE = "small"
SMALL_TOPICS, SMALL_PAPERS = 30, 200
IN_THE_WORLD = {"freeze", "first", "leave", "ways", "small"}

Taken = dict[Way, list[Figures | Stopped]]


class Sections:
    """What one run of the bench measures and prints. `options` are those of `bench.__main__`."""

    def __init__(self, options: argparse.Namespace, servers: Servers, console: Console) -> None:
        self.options, self.servers, self.console = options, servers, console
        self.only = set(options.only)
        self.to_nobody: list[Figures | Stopped] = []

    def run(self) -> None:
        """Run the chosen sections and print their tables."""
        call_command("migrate", verbosity=0)
        small_ones = {name for name in ("growth", "plan") if getattr(self.options, name)}
        small_ones |= {"small", "ways"} if self.options.small else {"small"}
        if self.only & IN_THE_WORLD and not self.options.small:
            self._in_the_world()
            if self.only & small_ones:
                self._change_database()
        if self.only & small_ones:
            self._in_the_small_world(self.only & small_ones)

    def _in_the_world(self) -> None:
        options = self.options
        size = world.Size(options.papers, options.older, options.readers)
        self._say(f"making a world of {size.papers:,} candidates and {size.readers:,} readers")
        edition = world.make_world(size)
        if not self._freeze(edition):
            return
        if "first" in self.only:
            told = moments.first_batch(edition, self.servers, options.limit)
            self._show(
                "a fresh worker's first digests, to nobody", tables.first_table(told), "first"
            )
        if "leave" in self.only and connection.vendor in options.databases:
            self._leave(edition)
        if "ways" in self.only:
            self._ways(edition, options.papers)
        elif "small" in self.only:
            self.to_nobody = self._to_nobody(edition)

    def _change_database(self) -> None:
        """Go on in an empty database of the same server."""
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {SMALL_DATABASE}")
        connection.close()
        connection.settings_dict["NAME"] = SMALL_DATABASE
        forget()
        self.servers = self.servers.with_database(SMALL_DATABASE)
        call_command("migrate", verbosity=0)

    def _in_the_small_world(self, only: set[str]) -> None:
        edition = small.make_world(SMALL_TOPICS, SMALL_PAPERS)
        small.add_readers(self.options.readers)
        if "ways" in only:
            self._ways(edition, SMALL_PAPERS)
        taken = self.to_nobody if "ways" in only else self._to_nobody(edition)
        if "small" in only and not self.options.small:
            table = tables.comparison_table(self.to_nobody, taken)
            self._show("CPU a digest to nobody, product and database", table, "small")
        if "growth" in only:
            self._growth(edition, taken)
        if "plan" in only:
            self._plan(edition)

    def _to_nobody(self, edition: Edition) -> list[Figures | Stopped]:
        return self._rounds(edition, [runs.NULL])[runs.NULL]

    def _freeze(self, edition: Edition) -> bool:
        """Freeze the edition, which everything else needs; return whether it was done in time."""
        limit, job = self.options.limit, {"edition": edition.pk}
        ahead = moments.alone("ahead", self.servers, job, limit)
        frozen = moments.alone("freeze", self.servers, job, limit)
        if "freeze" in self.only or isinstance(frozen, Unfinished):
            title = f"freeze of {self.options.papers:,} candidates, in a fresh process"
            self._show(title, tables.freeze_table(ahead, frozen), "freeze")
        return not isinstance(frozen, Unfinished)

    def _leave(self, edition: Edition) -> None:
        """Measure leaving. The edition that is frozen meanwhile has the same papers, and is the
        weekly one.
        """
        limit = self.options.limit
        weekly = open_edition("weekly", world.DAY, world.FREEZE, days=edition.candidate_days)
        taken = {
            "an edition is frozen": moments.leaving_while_freezing(weekly, self.servers, limit),
            "batches are claimed and sent": moments.leaving_while_claiming(
                edition, self.servers, limit
            ),
        }
        table = tables.leaving_table(taken, connection.display_name)
        self._show("one-click leaving through the real view, in another process", table, "leave")

    def _ways(self, edition: Edition, papers: int) -> None:
        ways = [way for way in runs.WAYS if way is not runs.HTTP or self.options.http]
        if not is_installed():
            self.console.print(
                "django-newsletter is not installed, so it is left out; "
                "`make bench-rival` installs it."
            )
            ways.remove(runs.RIVAL)
        taken = self._rounds(edition, ways)
        self.to_nobody = taken[runs.NULL]
        title = (
            f"{papers:,} candidates, {self.options.readers:,} readers, "
            f"{self.options.workers} workers, medians of {self.options.rounds}; CPU a digest of "
            "product and database, without the sink; MB of the largest worker"
        )
        self._show(title, tables.ways_table(taken), "ways")

    def _rounds(self, edition: Edition, ways: Sequence[Way]) -> Taken:
        """Run the ways in turns. One that took too long is not tried again."""
        options = self.options
        taken: Taken = {way: [] for way in ways}
        for number in range(options.rounds):
            for way in ways:
                if any(isinstance(figures, Stopped) for figures in taken[way]):
                    continue
                self._say(f"round {number + 1}: {way.name}")
                count = min(options.naive, options.readers) if way in runs.SLOW else options.readers
                taken[way].append(
                    runs.run(way, edition, self.servers, options.workers, count, options.limit)
                )
        return taken

    def _growth(self, edition: Edition, taken: Sequence[Figures | Stopped]) -> None:
        done = [figures for figures in taken if isinstance(figures, Figures)]
        middle = sorted(done, key=lambda figures: figures.rate)[len(done) // 2 :]
        grown: dict[int, Figures | Stopped] = {self.options.readers: [*middle, *taken][0]}
        for readers in self.options.growth:
            copies.copy_readers(readers)
            grown[readers] = runs.run(
                runs.NULL, edition, self.servers, self.options.workers, readers, self.options.limit
            )
        self._show("growth, to nobody, small world", tables.growth_table(grown), "growth")

    def _plan(self, edition: Edition) -> None:
        planned = []
        for readers in self.options.plan:
            copies.copy_readers(readers)
            planned.append(runs.plan(edition, self.servers))
        title = "planning, and asking what is due afterwards"
        self._show(title, tables.plan_table(planned), "plan")

    def _command(self, section: str) -> str:
        """Return the command that prints a section's table alone."""
        options = self.options
        words = ["python", "-m", "bench", *(["--small"] if options.small else [])]
        words += ["--only", section]
        for name in ("readers",) if options.small else ("readers", "papers", "older"):
            words += [f"--{name}", str(getattr(options, name))]
        if section in {"growth", "plan"}:
            words += [f"--{section}", *map(str, getattr(options, section))]
        if section in {"ways", "small", "growth"}:
            words += ["--rounds", str(options.rounds), "--workers", str(options.workers)]
        if section == "ways":
            words += ["--naive", str(options.naive), *(["--http"] if options.http else [])]
        if section == "leave":
            words += ["--databases", connection.vendor]
        return shlex.join(words)

    def _show(self, title: str, table: Table, section: str) -> None:
        """Print a table under its title, and the command that prints it alone."""
        self.console.print(f"\n{title}", style="bold", highlight=False)
        self.console.print(table)
        self.console.print(self._command(section), style="dim", highlight=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')} {text}", style="dim")
