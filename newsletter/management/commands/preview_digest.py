"""Shows what would be mailed: `manage.py preview_digest [READER] [--variant V] --out DIR`.
Nothing is stored and nothing is sent.
"""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from newsletter.clock import BadInstant, parse_instant
from newsletter.composing.content import RenderedMail
from newsletter.composing.message import to_email_message
from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.models import Edition
from newsletter.sending.choosing import NotChosen
from newsletter.sending.preview import (
    SAMPLE_ADDRESS,
    VARIANTS,
    NothingToShow,
    preview_for_reader,
    preview_variant,
)
from subscriptions.models import Subscriber


class Command(BaseCommand):
    help = (
        "Write digests of an edition as files (HTML, text, headers, and the whole mail) without "
        "sending anything."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "reader",
            nargs="?",
            type=int,
            help="a reader's number, as the desk shows it; without one, variants are written",
        )
        parser.add_argument("--variant", choices=[*VARIANTS, "all"], default="all")
        parser.add_argument(
            "--edition", help="such as daily/2025-01-10, or its number; the newest one if left out"
        )
        parser.add_argument("--now", help="an instant such as 2025-01-10T05:00:00Z")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            now = parse_instant(options["now"]) if options["now"] else timezone.now()
            edition = find_edition(options["edition"]) if options["edition"] else _newest()
            mails = self._mails(edition, now, options)
        except (BadInstant, UnknownEdition, NothingToShow, NotChosen) as error:
            raise CommandError(str(error)) from error
        options["out"].mkdir(parents=True, exist_ok=True)
        for name, mail in mails.items():
            _write(options["out"], name, mail)
            self.stdout.write(
                f"{options['out'] / name}.html: {len(mail.papers)} papers, "
                f"{len(mail.html.encode()):,} bytes. {mail.subject}"
            )

    def _mails(
        self, edition: Edition, now: datetime, options: dict[str, Any]
    ) -> dict[str, RenderedMail]:
        if options["reader"] is not None:
            return {
                f"reader-{options['reader']}": preview_for_reader(
                    edition, _reader(options["reader"]), now
                )
            }
        names = VARIANTS if options["variant"] == "all" else [options["variant"]]
        return {name: preview_variant(edition, VARIANTS[name], now) for name in names}


def _newest() -> Edition:
    edition = Edition.objects.defer("statistics").first()
    if edition is None:
        raise UnknownEdition("There is no edition yet; `make demo` makes one.")
    return edition


def _reader(number: int) -> Subscriber:
    try:
        return Subscriber.objects.get(pk=number)
    except Subscriber.DoesNotExist as error:
        raise CommandError(
            f"There is no reader {number}; the desk lists them with their numbers."
        ) from error


def _write(folder: Path, name: str, mail: RenderedMail) -> None:
    message = to_email_message(mail, SAMPLE_ADDRESS).message()
    (folder / f"{name}.html").write_text(mail.html, encoding="utf-8")
    (folder / f"{name}.txt").write_text(mail.text, encoding="utf-8")
    (folder / f"{name}.headers.txt").write_text(
        "".join(f"{key}: {value}\n" for key, value in message.items()), encoding="utf-8"
    )
    (folder / f"{name}.eml").write_bytes(message.as_bytes(linesep="\r\n"))
