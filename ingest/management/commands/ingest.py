"""`manage.py ingest SOURCE`: take in what a source says, from its network address or from files."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ingest import identity
from ingest.backfill import GivenUp, ask, look
from ingest.files import (
    SHOWN_REJECTIONS,
    Report,
    day_named,
    import_lines,
    import_pages,
    reading_time,
)
from ingest.http.client import PoliteClient
from ingest.http.visits import our_client
from ingest.known_sources import UnknownSource, source_named
from ingest.management.arguments import day, instant, year
from ingest.models import Source
from ingest.runs import Clock, window_until
from ingest.sighting import Parsed
from ingest.sources import listing
from ingest.sources.protocol import BadOptions, Window
from ingest.sources.registry import KINDS

COUNTS = ("entries", "new", "updated", "unchanged", "rejected")
EXAMPLES = """
  manage.py ingest listing page.txt other.txt --page-year 2025    listing pages saved as text
  manage.py ingest huggingface 2025-01-09.read-2025-01-09T1708Z.json
      a saved answer, read when its name says
  manage.py ingest huggingface --day 2025-01-09    ask the source for a day
  manage.py ingest huggingface --from 2025-01-01 --to 2025-03-31
      fill in a quarter; run it again to go on after an interruption
  manage.py ingest arxiv --paper 2501.01234    one paper, listed today
  manage.py ingest jsonl archive.jsonl.gz    JSON Lines of any size
"""


class Command(BaseCommand):
    help = "Take in what a source says about papers. Taking in the same twice changes nothing."
    client: PoliteClient | None = None
    """In place of the usual one, for tests, which do not wait either."""
    wait = staticmethod(time.sleep)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source", help="listing, huggingface, arxiv, arxiv-oai, jsonl, or the name of a feed"
        )
        parser.add_argument(
            "paths",
            nargs="*",
            type=Path,
            metavar="PATH",
            help="files that hold what the source said; without, it is asked",
        )
        parser.add_argument(
            "--page-year",
            type=year,
            help="the year of listing pages, which they do not name; concluded from --now if "
            "absent",
        )
        parser.add_argument(
            "--read-at",
            type=instant,
            help="when saved answers were read; by default what their names say, else --now",
        )
        parser.add_argument(
            "--paper", metavar="ID", help="one paper of arXiv, by its id or address"
        )
        parser.add_argument("--day", type=day, help="the day to ask for")
        parser.add_argument(
            "--from", type=day, dest="first", metavar="DAY", help="the first day to ask for"
        )
        parser.add_argument(
            "--to",
            type=day,
            dest="last",
            metavar="DAY",
            help="the last day to ask for (default: today)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="report what would change and change nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object instead of a table"
        )
        parser.add_argument(
            "--now",
            type=instant,
            help="the instant to act at, ISO 8601 with an offset (default: the present)",
        )

    def handle(
        self, *, source: str, paths: list[Path], now: datetime | None, **options: Any
    ) -> None:
        try:
            row = source_named(source)
        except UnknownSource as error:
            raise CommandError(str(error)) from error
        at = now or timezone.now()
        if options["paper"]:
            row = _for_one_paper(row, paths, options)
        problem = ""
        if paths:
            reports = self._import(row, paths, at, options)
        elif row.kind in KINDS:
            _refuse_days(row, options)
            reports, problem = self._ask(row, _window(options, at), _clock(now), options)
        else:
            raise CommandError(f"{source} is read from files: name them.")
        if options["json"]:
            self.stdout.write(json.dumps({"files": [_as_json(report) for report in reports]}))
        else:
            self._print(reports, dry_run=options["dry_run"])
        if paths:
            problem = "\n".join(
                f"{report.path} {report.error}" for report in reports if report.error
            )
        if problem:
            raise CommandError(problem)

    def _import(
        self, source: Source, paths: list[Path], now: datetime, options: dict[str, Any]
    ) -> list[Report]:
        dry_run = options["dry_run"]
        if options["day"] or options["first"] or options["last"]:
            raise CommandError("Days are for asking a source; files hold what they hold.")
        if source.kind == "jsonl":
            with self._progress(DownloadColumn()) as progress:
                size = sum(path.stat().st_size for path in paths if path.is_file())
                task = progress.add_task(source.title, total=size)
                return import_lines(
                    source,
                    paths,
                    now=now,
                    dry_run=dry_run,
                    done=lambda read: progress.advance(task, read),
                )
        if source.kind != "listing" and source.kind not in KINDS:
            raise CommandError(f"{source.slug} has no files of its own.")

        def parse(content: bytes, path: Path) -> Parsed:
            if source.kind == "listing":
                return listing.parse(content, today=now.date(), page_year=options["page_year"])
            seen_at = options["read_at"] or reading_time(path) or now
            listed = day_named(path) or seen_at.date()
            kind = KINDS[source.kind]
            return kind.parse(
                content, kind.first(Window(listed, listed), source.options), source.options, seen_at
            ).parsed

        with self._progress() as progress:
            return import_pages(
                source,
                progress.track(paths, description=source.title),
                parse,
                now=now,
                dry_run=dry_run,
            )

    def _ask(
        self, source: Source, window: Window, clock: Clock, options: dict[str, Any]
    ) -> tuple[list[Report], str]:
        """Ask for the window, and return a report of each page, and what ended it too early;
        what came before that is kept.
        """
        reports: list[Report] = []
        read: Callable[..., Iterator[Report]] = look if options["dry_run"] else ask
        with self._progress() as progress:
            task = progress.add_task(source.title, total=None)
            try:
                subject = options["paper"] or ""
                for report in read(
                    source,
                    window,
                    clock=clock,
                    client=self.client or our_client(),
                    wait=self.wait,
                    subject=subject,
                ):
                    reports.append(report)
                    progress.update(task, advance=1, description=f"{source.title}: {report.path}")
            except (GivenUp, BadOptions) as error:
                return reports, f"{source.slug}: {error}"
            except KeyboardInterrupt:
                return (
                    reports,
                    "Interrupted. What was read is kept; the same command goes on from here.",
                )
        return reports, ""

    def _progress(self, *columns: Any) -> Progress:
        """Return a progress display on standard error, silent where that is no terminal."""
        console = Console(stderr=True)
        shown = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            *columns,
            TimeElapsedColumn(),
        )
        return Progress(*shown, console=console, transient=True, disable=not sys.stderr.isatty())

    def _print(self, reports: list[Report], *, dry_run: bool) -> None:
        console = Console(
            file=cast("IO[str]", self.stdout), highlight=False, markup=False, soft_wrap=True
        )
        table = Table("File", *(name.capitalize() for name in COUNTS), "Warnings")
        for report in reports:
            if not report.error:
                table.add_row(
                    report.path,
                    *(str(getattr(report, name)) for name in COUNTS),
                    str(report.warning_count),
                )
        if table.row_count:
            console.print(table)
        for report in reports:
            for line, reason in report.rejections:
                console.print(f"rejected: {report.path}, entry at {line}: {reason}")
            if report.rejected > SHOWN_REJECTIONS:
                console.print(
                    f"rejected: {report.path}, and {report.rejected - SHOWN_REJECTIONS} more; the "
                    "desk shows them all"
                )
            for warning in report.warnings:
                console.print(f"warning: {report.path}: {warning}")
            if report.error:
                console.print(f"failed: {report.path}: {report.error}")
        if dry_run:
            console.print("A dry run: nothing was changed.")


def _for_one_paper(source: Source, paths: list[Path], options: dict[str, Any]) -> Source:
    """Return the source that is asked for single papers, and bring the id into its usual form."""
    if not source.kind.startswith("arxiv") or paths or options["first"]:
        raise CommandError("--paper is for arXiv alone, and goes with neither files nor --from.")
    found = identity.arxiv_id(options["paper"])
    if found is None:
        raise CommandError(
            f"“{options['paper']}” is no arXiv id, such as 2501.01234, nor its address."
        )
    options["paper"] = found.number
    return source_named("arxiv-paper")


def _refuse_days(source: Source, options: dict[str, Any]) -> None:
    """Say that a feed cannot be asked for days, rather than read what it shows today as if it
    were the answer.
    """
    if not (KINDS[source.kind].window_counts or options["paper"]) and (
        options["day"] or options["first"]
    ):
        other = " Days of arXiv are asked of arxiv-oai." if source.kind == "arxiv" else ""
        raise CommandError(
            f"{source.slug} shows what it shows now and cannot be asked for days.{other}"
        )


def _window(options: dict[str, Any], now: datetime) -> Window:
    """Return the days to ask for: one, or from one to another, or those that every run asks for.
    None lies in the future.
    """
    today = now.date()
    if options["day"] and (options["first"] or options["last"]):
        raise CommandError("Give either --day, or --from and --to.")
    if options["day"]:
        window = Window(options["day"], options["day"])
    elif options["first"]:
        window = Window(options["first"], options["last"] or today)
    elif options["last"]:
        raise CommandError("--to needs --from.")
    elif options["paper"]:
        window = Window(today, today)
    else:
        window = window_until(now)
    if window.first > window.last:
        raise CommandError(f"--from {window.first} lies after --to {window.last}.")
    if window.last > today:
        raise CommandError(f"{window.last} lies in the future; nothing is listed there yet.")
    return window


def _clock(start: datetime | None) -> Clock:
    """Return the real clock, or one that starts at a given instant and runs at real speed."""
    if start is None:
        return timezone.now
    began = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - began)


def _as_json(report: Report) -> dict[str, str | int]:
    error = {"error": report.error} if report.error else {}
    return (
        {"path": report.path}
        | {name: getattr(report, name) for name in COUNTS}
        | {"warnings": report.warning_count}
        | error
    )
