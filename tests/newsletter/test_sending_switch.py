"""A worker takes wake-ups for mail only while its machine may send, and says how it is."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError
from kombu import Connection
from kombu.utils import symbol_by_name

from newsletter import worker
from newsletter.celery import app
from newsletter.embedded_redis import embedded_redis
from newsletter.healthcheck import heartbeat_file
from newsletter.processes import worker_command
from newsletter.worker import NOT_ARMED, SendingSwitch
from tests.newsletter.test_worker import NoProcesses

ROOT = Path(__file__).resolve().parent.parent.parent
QUEUES = [*settings.SENDING_QUEUES, "work"]
MAY_LEAD_TO_MAIL = {
    "newsletter.tasks.send_batch",
    "newsletter.tasks.tell_staff",
    "newsletter.tasks.tick",
    "subscriptions.tasks.send_letter",
    "subscriptions.tasks.sweep_letters",
}


class Timer:
    """A worker's timer that never fires by itself."""

    def __init__(self) -> None:
        self.repeated: list[tuple[Callable, tuple]] = []

    def call_repeatedly(self, _seconds: float, work: Callable, arguments: tuple) -> "Timer":
        self.repeated.append((work, arguments))
        return self

    def cancel(self) -> None:
        self.repeated.clear()

    def fire(self) -> None:
        for work, arguments in self.repeated:
            work(*arguments)


@pytest.fixture
def broker():
    with (
        tempfile.TemporaryDirectory(prefix="pb-") as folder,
        embedded_redis(Path(folder) / "private" / "redis.sock", Path(folder) / "data"),
    ):
        yield f"redis+socket://{folder}/private/redis.sock"


@pytest.fixture
def consumer(broker, monkeypatch, settings, tmp_path):
    """A worker's consumer that has just connected, and takes from every queue."""
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(app.amqp, "queues", app.amqp.Queues([]))
    app.amqp.queues.select(QUEUES)
    consumer = symbol_by_name(app.conf.worker_consumer)(
        on_task_request=None,
        app=app,
        pool=NoProcesses(),
        controller=NoProcesses(),
        timer=Timer(),
    )
    consumer.taken = []
    with Connection(broker) as consumer.connection:
        connect(consumer)
        yield consumer


def connect(consumer) -> None:
    """Do what Celery's own step does before ours."""
    consumer.task_consumer = app.amqp.TaskConsumer(consumer.connection)
    consumer.task_consumer.register_callback(lambda body, _message: consumer.taken.append(body))


@pytest.fixture
def machine(monkeypatch):
    """Return a function that says from now on whether the machine is armed, or raises."""

    def becomes(answer: bool | Exception) -> None:
        def is_armed(_now: object) -> bool:
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(worker, "is_armed", is_armed)

    return becomes


def switch_of(consumer) -> SendingSwitch:
    [switch] = [step for step in consumer.steps if isinstance(step, SendingSwitch)]
    return switch


def start(consumer) -> None:
    """Run our step, and then Celery's event loop as far as it needs to take messages."""
    switch_of(consumer).start(consumer)
    consumer.task_consumer.consume()


def wake(consumer, *queues: str) -> None:
    for queue in queues:
        consumer.connection.Producer(auto_declare=False).publish(
            queue, routing_key=queue, serializer="json"
        )


def take(consumer, *wanted: str) -> set[str]:
    """Let the consumer take wake-ups until it has those, and return all that it took meanwhile.

    Wake-ups wait in all queues before it begins, so that it would take others as soon.
    """
    consumer.taken.clear()
    while not set(wanted) <= set(consumer.taken):
        consumer.connection.drain_events(timeout=60)
    return set(consumer.taken)


def waiting(consumer) -> list[str]:
    """Return the queues in which a wake-up waits."""
    return [name for name in QUEUES if consumer.connection.default_channel.client.llen(name)]


def heartbeat() -> str:
    return heartbeat_file(settings.VAR_DIR).read_text()


def test_a_machine_that_is_not_armed_leaves_wake_ups_for_mail_to_others(consumer, machine):
    machine(False)
    start(consumer)
    wake(consumer, *QUEUES)
    assert take(consumer, "work") == {"work"}
    assert waiting(consumer) == ["urgent", "sending"]
    assert heartbeat() == NOT_ARMED


def test_it_begins_to_take_them_once_it_is_armed_without_a_restart(consumer, machine):
    machine(False)
    start(consumer)
    wake(consumer, *QUEUES)
    machine(True)
    consumer.timer.fire()
    assert take(consumer, *QUEUES) == set(QUEUES)
    assert heartbeat() == ""


def test_it_leaves_them_again_once_it_is_not_armed_any_more(consumer, machine, caplog):
    machine(True)
    start(consumer)
    assert heartbeat() == ""
    machine(False)
    consumer.timer.fire()
    consumer.timer.fire()
    wake(consumer, *QUEUES)
    assert take(consumer, "work") == {"work"}
    assert caplog.text.count("not armed") == 1


def test_after_a_lost_connection_it_takes_what_it_took_before(consumer, machine):
    for armed, taken in ((False, {"work"}), (True, set(QUEUES))):
        machine(armed)
        start(consumer)
        switch_of(consumer).stop(consumer)
        assert not consumer.timer.repeated
        consumer.task_consumer.cancel()
        connect(consumer)
        start(consumer)
        wake(consumer, *QUEUES)
        assert take(consumer, *taken) == taken


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("could not connect to postgres://ada:secret@host"), "does not answer"),
        (InterfaceError("closed"), "does not answer"),
        (PermissionError(13, "Permission denied", "/var/machine"), "Permission denied"),
    ],
)
def test_where_it_cannot_find_out_it_takes_none_and_says_why(consumer, machine, error, said):
    machine(error)
    start(consumer)
    wake(consumer, *QUEUES)
    assert take(consumer, "work") == {"work"}
    assert said in heartbeat()
    assert "secret" not in heartbeat()
    machine(True)
    consumer.timer.fire()
    assert take(consumer, "urgent", "sending") == {"urgent", "sending"}


def test_a_worker_that_was_started_for_other_work_stays_with_it(consumer, machine):
    app.amqp.queues.select(["work"])
    connect(consumer)
    machine(True)
    SendingSwitch(consumer).start(consumer)
    consumer.task_consumer.consume()
    wake(consumer, *QUEUES)
    assert take(consumer, "work") == {"work"}
    machine(False)
    consumer.timer.fire()
    assert heartbeat() == ""


def test_a_heartbeat_that_cannot_be_written_ends_no_worker(consumer, machine, settings, tmp_path):
    machine(True)
    settings.VAR_DIR = tmp_path / "no" / "folder"
    start(consumer)
    assert consumer.task_consumer.consuming_from("sending")


def test_an_orderly_stop_leaves_no_heartbeat(consumer, machine):
    machine(True)
    start(consumer)
    switch_of(consumer).shutdown(consumer)
    assert not heartbeat_file(settings.VAR_DIR).exists()


def test_what_may_lead_to_mail_and_nothing_else_waits_for_an_armed_machine():
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert set(ours) > MAY_LEAD_TO_MAIL
    waiting = {name for name in ours if app.amqp.router.route({}, name)["queue"].name in QUEUES[:2]}
    assert waiting == MAY_LEAD_TO_MAIL


def test_a_worker_takes_from_every_queue_without_being_told():
    known = app.amqp.Queues(app.conf.task_queues)
    every = [*QUEUES, "events"]
    assert list(known.consume_from) == every
    assert {(queue.exchange.name, queue.routing_key) for queue in known.values()} == {
        (name, name) for name in every
    }


def asked(*command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


COPIED = """
import django; django.setup()
from django.utils import timezone
from subscriptions.models import Machine
Machine.objects.create(identity="original", renewed_at=timezone.now(), armed_at=timezone.now())
"""
PUBLISHED = """
import django; django.setup()
from newsletter.tasks import judge_clicks, send_batch
send_batch.delay(1), judge_clicks.delay()
"""


@pytest.mark.slow
@pytest.mark.own_servers
def test_a_real_worker_beside_a_copied_database_sends_once_it_is_armed(broker, tmp_path):
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    place = {"VAR_DIR": str(tmp_path), "REDIS_URL": broker}
    environment = inherited | place | {"DJANGO_SETTINGS_MODULE": "newsletter.settings"}

    def health() -> str:
        return asked("-m", "newsletter.healthcheck", "worker", environment=environment).stdout

    assert asked("manage.py", "migrate", environment=environment).returncode == 0
    assert not asked("-c", COPIED, environment=environment).stderr
    client = redis.Redis(unix_socket_path=broker.removeprefix("redis+socket://"))
    with (
        client,
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(worker_command(), cwd=ROOT, env=environment, stderr=log) as process,
    ):
        try:
            wait_until(lambda: "not armed" in health())
            assert not asked("-c", PUBLISHED, environment=environment).stderr
            wait_until(lambda: not client.llen("work"))
            assert client.llen("sending") == 1
            assert asked("manage.py", "arm", environment=environment).returncode == 0
            wait_until(lambda: not client.llen("sending"))
            wait_until(lambda: health() == "ok\n")
        finally:
            process.terminate()
        process.wait(60)
    assert "worker has not written" in health()
    assert "Traceback" not in (tmp_path / "log").read_text()
