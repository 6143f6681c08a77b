"""`manage.py first_staff`: the first staff account of a new instance."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

PASSWORD_BYTES = 15


class Command(BaseCommand):
    help = (
        "Make the first staff account, when there is none, and print its name and random password: "
        "once, they are stored nowhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--name", default="chief", help="the name to log in with (default: %(default)s)"
        )
        parser.add_argument(
            "--in-production",
            action="store_true",
            help="do it in production too, where the output may end up in somebody's log",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if settings.PRODUCTION and not options["in_production"]:
            raise CommandError(
                "This is production: add --in-production if nobody else can read this output, or "
                "use createsuperuser."
            )
        if User.objects.filter(is_staff=True, is_active=True).exists():
            self.stdout.write(
                "There is a staff account already. A forgotten password is replaced by: manage.py "
                "changepassword NAME"
            )
            return
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._make(options["name"], password)
        self.stdout.write(
            f"  the first account {options['name']}, password {password} (shown only now)"
        )

    def _make(self, name: str, password: str) -> None:
        try:
            with transaction.atomic():
                User.objects.create_superuser(name, password=password)
        except IntegrityError as error:
            raise CommandError(
                f"There is an account “{name}” that is not active staff. Choose another with "
                "--name."
            ) from error
