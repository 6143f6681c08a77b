"""Read one mail that came to the bounce mailbox, from standard input: for the pipe of a mail
server.
"""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from newsletter.events.bounce_mails import LONGEST_MAIL, take_mail


class Command(BaseCommand):
    help = (
        "Read a delivery report, an abuse report or an unsubscribe request from standard input, "
        "and store what it tells."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Store the events. A mail that tells nothing is no error: a mail server would return
        it.
        """
        stored = take_mail(sys.stdin.buffer.read(LONGEST_MAIL), timezone.now())
        self.stdout.write(f"{stored} events stored.")
