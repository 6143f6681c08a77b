"""Which run of the database server this is: after a crash of the server, marks made before it
may be missing.
"""

import secrets

from django.db import connection

from newsletter.models import ServerRun
from newsletter.sending.questions import Question

_names = Question("server_epoch", lambda: ServerRun.objects.filter(pk=1).values_list("name"))


def server_epoch() -> str:
    """Return the name of the server's run; empty where no committed mark is ever lost (SQLite
    writes each through).
    """
    if connection.vendor != "postgresql":
        return ""
    names = _names()
    if not names:
        ServerRun.objects.bulk_create(
            [ServerRun(pk=1, name=secrets.token_hex(16))], ignore_conflicts=True
        )
        names = _names()
    return str(names[0][0])
