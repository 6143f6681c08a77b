"""Harm to disks: one that is full in mid-run, and has room again after a while."""

import time
from datetime import timedelta
from pathlib import Path

from django.db import Error, connection
from django.db.models import F

from newsletter.models import Delivery
from subscriptions.models import Machine
from tests.faults.disk import fill, free
from tests.faults.harm.readers import pages_answer
from tests.faults.scene import Scene
from tests.faults.town import LEASE

NO_SPACE = "No space left on device"
FULL_FOR = LEASE + 4
"""Seconds: longer than any lease."""
SAID_WITHIN = 150
"""Seconds: a worker that cannot write the end of its batch tries for a minute and a half before
it goes on to what it complains about.
"""


def fill_tables(scene: Scene) -> None:
    """No row fits into the database any more. Workers must say so, lose nothing, and go on once
    there is room.
    """
    scene.when(0.3)
    fill(_disk(scene))
    scene.town.wait_until_said(NO_SPACE, SAID_WITHIN)
    time.sleep(FULL_FOR)
    free(_disk(scene))


def fill_journal(scene: Scene) -> None:
    """The write-ahead log has no room: the server gives up, and cannot recover until there is some.

    The town's supervisor starts it again and again meanwhile, as an init system would.
    """
    scene.when(0.3)
    fill(_disk(scene))
    _write_until_it_fails()
    scene.crashes += 1
    scene.town.wait_until_said(NO_SPACE, SAID_WITHIN, log="postgresql/log")
    if scene.town.keep_postgresql_running(FULL_FOR):
        raise AssertionError("the server recovered without any room")
    free(_disk(scene))
    scene.town.keep_postgresql_running()


def fill_redis(scene: Scene) -> None:
    """The broker cannot write its log and refuses every wake-up. Pages go on, and so does the
    run once there is room.
    """
    scene.when(0.3)
    fill(_disk(scene))
    scene.town.wait_until_said(NO_SPACE, SAID_WITHIN)
    pages_answer(scene)
    time.sleep(FULL_FOR)
    free(_disk(scene))


def fill_own_folder(scene: Scene) -> None:
    """No mail can be written, while the machine's file, which needs no more room, is renewed: no
    half-written mail, nobody lost, and the machine stays armed.
    """
    scene.when(0.3)
    fill(_disk(scene))
    renewals = Machine.objects.get().renewals
    # The file is due to be renewed.
    Machine.objects.update(renewed_at=F("renewed_at") - timedelta(minutes=2))
    refused = Delivery.objects.filter(reason__contains=NO_SPACE)
    scene.town.wait_for(refused.exists, SAID_WITHIN)
    time.sleep(FULL_FOR)
    if Machine.objects.filter(armed_at__isnull=False).get().renewals == renewals:
        raise AssertionError("the machine was not renewed while its disk was full")
    free(_disk(scene))
    scene.over()
    scene.make_waiting_due()
    if left := [
        path.name for path in (_disk(scene) / "var" / "outbox").iterdir() if path.suffix != ".eml"
    ]:
        raise AssertionError(f"half-written mails were left in the outbox: {left[:3]}")


def _disk(scene: Scene) -> Path:
    assert scene.disk is not None
    return scene.disk


def _write_until_it_fails() -> None:
    """Let another client of the database write more than the log has room for."""
    with connection.cursor() as cursor:
        for _ in range(200):
            try:
                cursor.execute(
                    "SELECT pg_logical_emit_message(false, 'bulk', repeat('x', 4000000))"
                )
            except Error:
                connection.close()
                return
    raise AssertionError("the write-ahead log did not fill its disk")
