"""Harm to Redis and PostgreSQL, in mid-run. Readers go on leaving and signing up meanwhile."""

import os
import signal
import time
from contextlib import suppress

import redis
from django.db import connection, transaction

from tests.faults.harm.readers import pages_answer
from tests.faults.scene import Scene
from tests.faults.town import LEASE


def lose_redis(scene: Scene) -> None:
    """The broker is flushed, restarted, and away for a while."""
    scene.when(0.2)
    redis.Redis(unix_socket_path=str(scene.town.folder / "redis.sock")).flushall()
    scene.when(0.4)
    scene.town.kill("redis")
    scene.town.start_redis()
    scene.when(0.6)
    scene.town.kill("redis")
    pages_answer(scene)
    time.sleep(5)
    scene.town.start_redis()


def hurt_postgresql(scene: Scene) -> None:
    """Connections killed, a long lock on the deliveries, and a crash of the server."""
    scene.when(0.2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    pages_answer(scene)
    scene.when(0.4)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE newsletter_delivery IN EXCLUSIVE MODE")
        time.sleep(LEASE / 2)
    scene.when(0.6)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE pid != pg_backend_pid() AND backend_type = "
            "'client backend' LIMIT 1"
        )
        victim = cursor.fetchone()
    connection.close()
    if victim:
        with suppress(ProcessLookupError):
            os.kill(victim[0], signal.SIGKILL)
            scene.crashes += 1
    time.sleep(2)
