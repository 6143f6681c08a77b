"""The worker's consumer: the part that takes wake-ups from the broker. It outlives the broker's
crashes, and takes wake-ups for mail only while its machine may send.
"""

import os
import socket
from typing import Any

import structlog
from celery.bootsteps import StartStopStep
from celery.worker.consumer import Consumer
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db import connection as database
from django.utils import timezone

from newsletter.healthcheck import heartbeat_file
from subscriptions.arming import is_armed

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10
"""How soon a machine that is armed begins to send, and how often a worker says that it lives."""
NOT_ARMED = (
    "This machine is not armed, so it sends nothing. If it is one that should send from this "
    "database, run `python manage.py arm` on it."
)


class SendingSwitch(StartStopStep):
    """Take from `SENDING_QUEUES` only while this machine is armed, and write the heartbeat.

    A worker that took wake-ups there and dropped them would keep an armed one from them until the
    next beat. It looks again and again, so arming a machine needs no restart. Where the database
    does not answer, wake-ups stay in their queues too.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        chosen = consumer.app.amqp.queues.consume_from
        self._queues = [name for name in settings.SENDING_QUEUES if name in chosen]
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """Look before the first message is taken, and then every few seconds; called again after
        each lost connection.
        """
        self.look(consumer)
        self._timer = consumer.timer.call_repeatedly(LOOK_SECONDS, self.look, (consumer,))

    def stop(self, _consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def shutdown(self, _consumer: Any) -> None:
        heartbeat_file(settings.VAR_DIR).unlink(missing_ok=True)

    def look(self, consumer: Any) -> None:
        """Begin or end taking wake-ups, and write down what keeps this machine from sending."""
        obstacle = _obstacle() if self._queues else ""
        taken = {queue.name for queue in consumer.task_consumer.queues}
        changed = [name for name in self._queues if (name in taken) == bool(obstacle)]
        for name in changed:
            (consumer.cancel_task_queue if obstacle else consumer.add_task_queue)(name)
        if changed and obstacle:
            log.error("not_sending", machine=socket.gethostname(), reason=obstacle)
        elif changed:
            log.warning("may_send", machine=socket.gethostname())
        _beat(obstacle)


class LastingConsumer(Consumer):
    """Celery's consumer, which does not end with its broker."""

    task_consumer: Any
    """Celery sets it in a step of its own: what reads the queues, None before the first
    connection.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        """Forget the wake-ups in hand, then connect again.

        Celery 5.7 closes a lost connection twice, and a channel that closes gives what it holds
        back to its queue. Where the first attempt stops half way, at the channel of the remote
        control, the second finds the transport gone: an AttributeError that ends the worker.
        Nothing can be given back to a broker that is away, and the beat asks the database again. An
        orderly stop still gives back what it holds.
        """
        if self.task_consumer is not None:
            self.task_consumer.channel.do_restore = False
        return super().on_connection_error_after_connected(exc)


def _obstacle() -> str:
    """Say what keeps this machine from sending; empty when nothing does."""
    try:
        return "" if is_armed(timezone.now()) else NOT_ARMED
    except (DatabaseError, InterfaceError) as error:
        return f"The database does not answer: {type(error).__name__}."
    except OSError as error:
        return f"The machine's file cannot be used: {error}."
    finally:
        # The pool's processes are forked from this one and must not share its connection.
        database.close()


def _beat(obstacle: str) -> None:
    file = heartbeat_file(settings.VAR_DIR)
    try:
        file.write_text(obstacle, encoding="utf-8")
        os.utime(file)
    except OSError as error:
        log.warning("no_heartbeat", error=str(error))
