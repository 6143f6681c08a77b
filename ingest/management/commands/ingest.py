"""`manage.py ingest SOURCE`: take in what a source says."""

import json
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from ingest.files import FileReport, day_named, import_files, reading_time
from ingest.known_sources import source_named
from ingest.management.arguments import instant, year
from ingest.sighting import Parsed
from ingest.sources import huggingface, listing


class Command(BaseCommand):
    help = "Take in what a source says about papers. Taking in the same twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
        pages = sources.add_parser("listing", help="listing pages saved as text")
        pages.add_argument("--page-year", type=year, help="the year of the pages, which they do not name; concluded from --now when absent")
        answers = sources.add_parser("huggingface", help="saved answers of the Hugging Face Daily Papers API")
        answers.add_argument(
            "--read-at",
            type=instant,
            help="when the answers were read; a name like 2025-01-09.read-2025-01-09T1708Z.json says it too, otherwise it is --now",
        )
        for files in (pages, answers):
            files.add_argument("paths", nargs="+", type=Path, metavar="PATH")
            files.add_argument("--dry-run", action="store_true", help="report what would change and change nothing")
            files.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
            files.add_argument("--now", type=instant, help="the instant to act at, ISO 8601 with an offset (default: the present)")

    def handle(self, *, source: str, paths: list[Path], now: datetime | None, dry_run: bool, **options: Any) -> None:
        at = now or timezone.now()

        def parse_page(content: bytes, _path: Path) -> Parsed:
            return listing.parse(content, today=at.date(), page_year=options["page_year"])

        def parse_answer(content: bytes, path: Path) -> Parsed:
            return huggingface.parse(content, seen_at=options["read_at"] or reading_time(path) or at, day=day_named(path))

        parse = parse_page if source == "listing" else parse_answer
        reports = import_files(source_named(source), paths, parse, now=at, dry_run=dry_run)
        if options["json"]:
            self.stdout.write(json.dumps({"files": [_as_json(report) for report in reports]}))
        else:
            self._print(reports, dry_run=dry_run)
        failed = [report for report in reports if report.error]
        if failed:
            raise CommandError("\n".join(f"{report.path} {report.error}" for report in failed))

    def _print(self, reports: list[FileReport], *, dry_run: bool) -> None:
        console = Console(file=cast("IO[str]", self.stdout), highlight=False, markup=False, soft_wrap=True)
        table = Table("File", *(name.capitalize() for name in COUNTS), "Warnings")
        for report in reports:
            if not report.error:
                table.add_row(report.path, *(str(getattr(report, name)) for name in COUNTS), str(len(report.warnings)))
        if table.row_count:
            console.print(table)
        for report in reports:
            for line, reason in report.rejections:
                console.print(f"rejected: {report.path}, entry at {line}: {reason}")
            for warning in report.warnings:
                console.print(f"warning: {report.path}: {warning}")
        if dry_run:
            console.print("A dry run: nothing was changed.")


COUNTS = ("entries", "new", "updated", "unchanged", "rejected")


def _as_json(report: FileReport) -> dict[str, str | int]:
    error = {"error": report.error} if report.error else {}
    return {"path": report.path} | {name: getattr(report, name) for name in COUNTS} | {"warnings": len(report.warnings)} | error
