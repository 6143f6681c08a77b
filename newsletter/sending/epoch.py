"""Which run of the database server this is: after a crash of the server, marks made before it may be missing."""

import secrets

from django.db import connection

from newsletter.models import ServerRun


def server_epoch() -> str:
    """Return the name of the server's run; empty where no committed mark is ever lost (SQLite writes each through)."""
    if connection.vendor != "postgresql":
        return ""
    name = ServerRun.objects.filter(pk=1).values_list("name", flat=True).first()
    if name is None:
        ServerRun.objects.bulk_create([ServerRun(pk=1, name=secrets.token_hex(16))], ignore_conflicts=True)
        name = ServerRun.objects.values_list("name", flat=True).get(pk=1)
    return name
