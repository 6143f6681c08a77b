"""Outages of hours, and what is restored after them."""

import time

import psycopg

from subscriptions.models import Subscriber
from tests.faults.readers import is_done
from tests.faults.scene import Scene

SILENCE = 10
"""Seconds in which a second machine that may send would have begun to: in them its beat wakes it
five times.
"""


def too_late(scene: Scene) -> None:
    """Nothing ran until long after the readers' hour: nobody may be mailed any more, and the
    books must say so.
    """
    scene.gone |= set(Subscriber.objects.values_list("address_key", flat=True))


def restore_a_backup(scene: Scene) -> None:
    """A backup from the middle of the run is restored on a second machine, which must stay
    silent while the first goes on.
    """
    scene.when(0.3)
    with (
        scene.town.second_machine() as second,
        psycopg.connect(scene.town.database.get_uri(database=second)) as restored,
    ):
        waiting = restored.execute(
            "SELECT count(*) FROM newsletter_batch WHERE state IN ('planned', 'claimed')"
        ).fetchone()
        if waiting == (0,):
            raise AssertionError("the backup came too late: nothing in it waits to be sent")
        scene.town.wait_until_said("not armed", 60, log=f"{second}.log")
        scene.when(1)
        scene.town.wait_for(is_done, 120)
        time.sleep(SILENCE)
