"""`manage.py serve`: web, worker and scheduler together on one machine, for development."""

import os
import signal
import socket
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsletter.processes import (
    Processes,
    migrate,
    one_machine,
    scheduler_command,
    web_command,
    worker_command,
)


class Command(BaseCommand):
    help = (
        "Run web, worker and scheduler together on this machine, with the embedded Redis unless "
        "REDIS_URL is set. Ctrl-C stops all of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--bind",
            default="127.0.0.1:8000",
            help="address and port of the site (default: %(default)s)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "serve is for development. In production run the services of docker-compose.yml."
            )
        # SIGINT too: a shell script's background command inherits it as ignored, and then nothing
        # could stop this in order.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _as_interrupt)
        _check_free(options["bind"])
        # Links in mails lead here, unless the environment says where readers find the site.
        os.environ.setdefault("SITE_URL", f"http://{options['bind']}")
        migrate()
        call_command("load_topics", verbosity=0)
        with one_machine() as processes:
            processes.start("web", *web_command(options["bind"]))
            processes.start("worker", *worker_command())
            processes.start("scheduler", *scheduler_command())
            self.stdout.write(f"Paperboy runs at http://{options['bind']}/")
            self.stdout.write(f"  every mail sent   http://{options['bind']}/outbox/")
            self.stdout.write(
                f"  the desk          http://{options['bind']}/{settings.ADMIN_PATH}/"
            )
            call_command("first_staff", stdout=self.stdout)
            self.stdout.write("Ctrl-C stops all of it.")
            try:
                self._watch(processes)
            except KeyboardInterrupt:
                self.stdout.write("\nStopping ...")

    def _watch(self, processes: Processes) -> None:
        while True:
            if (ended := processes.ended()) is not None:
                name, code = ended
                raise CommandError(
                    f"The {name} process ended with exit code {code}, so everything was stopped. "
                    "Its last lines say why."
                )
            time.sleep(0.5)


def _check_free(bind: str) -> None:
    """Refuse an address that is taken or is none, before anything is started."""
    host, colon, port = bind.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise CommandError(
            f"--bind wants an address and a port, such as 127.0.0.1:8001, not {bind}."
        )
    try:
        socket.create_server(
            (host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ).close()
    except (OSError, OverflowError) as error:
        raise CommandError(
            f"The site cannot listen on {bind}: {error}. Perhaps Paperboy runs already. Stop what "
            "is there, or take another address: "
            "make serve BIND=127.0.0.1:8001"
        ) from error


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
