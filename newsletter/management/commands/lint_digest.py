"""Checks mails against every rule the digest keeps: `manage.py lint_digest FILE...` (.eml or
.html, ours or anybody's).
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter.composing.lint.linter import Report, lint


class Command(BaseCommand):
    help = (
        "Check mails (.eml or .html) and say what is wrong, where, and what to do. Exit status 1 "
        "when there is an error."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--letter",
            action="store_true",
            help="letters about a subscription: no way out of a list is asked for",
        )
        parser.add_argument(
            "--development", action="store_true", help="allow links to this machine"
        )

    def handle(self, *, files: list[Path], **options: Any) -> None:
        reports = {str(path): self._report(path, options) for path in files}
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"files": [_plain(name, report) for name, report in reports.items()]},
                    ensure_ascii=False,
                    indent=1,
                )
            )
        else:
            for name, report in reports.items():
                self._tell(name, report)
        if any(report.errors for report in reports.values()):
            sys.exit(1)

    def _report(self, path: Path, options: dict[str, Any]) -> Report:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(
                f"{path} cannot be read: {error.strerror}. Name a mail (.eml) or an HTML file."
            ) from error
        return lint(content, digest=not options["letter"], development=options["development"])

    def _tell(self, name: str, report: Report) -> None:
        self.stdout.write(
            f"{name}: {len(report.errors)} errors, {len(report.warnings)} warnings, "
            f"{report.html_bytes:,} bytes of HTML"
        )
        for finding in report.findings:
            style = self.style.ERROR if finding.level == "error" else self.style.WARNING
            self.stdout.write(
                f"  {style(finding.level)} {finding.rule} · {finding.where}: {finding.what}"
            )
            self.stdout.write(f"    {finding.remedy}")


def _plain(name: str, report: Report) -> dict[str, Any]:
    return {
        "file": name,
        "errors": len(report.errors),
        "warnings": len(report.warnings),
        "html_bytes": report.html_bytes,
        "findings": [
            {
                "rule": finding.rule,
                "level": finding.level,
                "where": finding.where,
                "what": finding.what,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
    }
