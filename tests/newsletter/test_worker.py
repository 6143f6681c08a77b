"""A worker outlives its broker: it forgets the wake-ups in its hands, and looks for the broker
as long as that takes.
"""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from celery.bootsteps import CLOSE, RUN
from celery.worker.pidbox import Pidbox
from kombu import Connection, Queue
from kombu.utils import symbol_by_name
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.celery import app
from newsletter.embedded_redis import embedded_redis

CELERYS_OWN_LIMIT = 100


class NoProcesses:
    """What a consumer asks of the worker around it and of its pool."""

    is_green = use_eventloop = False
    semaphore = flush = None
    num_processes = 1


@pytest.fixture
def socket():
    """A short path: pytest's own temporary folders can be too long to bind."""
    with tempfile.TemporaryDirectory(prefix="pb-") as folder:
        yield Path(folder) / "private" / "redis.sock"


@pytest.mark.slow
def test_a_worker_with_a_wake_up_in_its_hands_outlives_the_loss_of_its_broker(socket, tmp_path):
    worker = symbol_by_name(app.conf.worker_consumer)(
        on_task_request=None, app=app, pool=NoProcesses(), controller=NoProcesses()
    )
    with embedded_redis(socket, tmp_path):
        worker.connection = Connection(
            f"redis+socket://{socket}", transport_options=app.conf.broker_transport_options
        )
        worker.task_consumer = worker.connection.Consumer(Queue("work"), callbacks=[_take_and_keep])
        worker.task_consumer.consume()
        Pidbox(worker).start(worker)
        worker.connection.Producer().publish("wake up", routing_key="work")
        worker.connection.drain_events(timeout=10)
        with suppress(TimeoutError):
            worker.connection.drain_events(
                timeout=0.1
            )  # the next question to the queue is under way, and stays without an answer
        with redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as client:
            client.shutdown(nosave=True)
        worker.on_connection_error_after_connected(ConnectionError("the broker is gone"))
    assert worker.connection is None


def test_a_worker_never_gives_up_looking_for_its_broker(socket):
    class Enough(Exception):
        pass

    attempts = []

    def count(error: Exception, _pause: float) -> None:
        attempts.append(error)
        if len(attempts) > CELERYS_OWN_LIMIT:
            raise Enough

    with pytest.raises(Enough):
        Connection(f"redis+socket://{socket}").ensure_connection(
            count,
            app.conf.broker_connection_max_retries,
            interval_start=0,
            interval_step=0,
            interval_max=0,
        )


def test_a_broker_that_refuses_to_write_does_not_end_its_worker():
    """As a Redis whose disk is full does, until there is room again."""

    class Steps:
        """The worker's steps, which a refusal breaks off once."""

        state, restarts = RUN, 0

        def start(self, _consumer: object) -> None:
            if self.restarts:
                self.state = CLOSE
            else:
                raise redis.ResponseError(
                    "MISCONF Errors writing to the AOF file: No space left on device"
                )

        def restart(self, _consumer: object) -> None:
            self.restarts += 1

    worker = symbol_by_name(app.conf.worker_consumer)(
        on_task_request=None, app=app, pool=NoProcesses(), controller=NoProcesses()
    )
    worker.blueprint = Steps()
    worker.start()
    assert worker.blueprint.restarts == 1


def _take_and_keep(_body: str, _message: object) -> None:
    """Acknowledge nothing, as a worker that has no free process yet."""
