"""The broker only wakes workers: with it down the row waits for the sweep."""

import pytest
from celery import Celery, current_app
from kombu.exceptions import OperationalError

from subscriptions import tasks, waking
from subscriptions.models import LetterState
from tests.subscriptions.readers import a_letter, a_reader


class Broker:
    def __init__(self, error=None):
        self.error, self.sent = error, []

    def send_task(self, name, args, **_options):
        if self.error:
            raise self.error
        self.sent.append((name, args))


def test_a_broker_that_is_down_is_no_error(monkeypatch):
    monkeypatch.setattr(waking, "current_app", Broker(OperationalError("down")))
    waking.wake(5)


def test_a_broker_that_is_down_is_not_waited_for(monkeypatch, settings, tmp_path):
    def waited(_seconds):
        raise AssertionError("a reader would wait for the broker")

    app = Celery(
        "without a broker", broker=f"redis+socket://{tmp_path}/absent.sock", set_as_current=False
    )
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    monkeypatch.setattr("kombu.utils.functional.sleep", waited)
    monkeypatch.setattr(waking, "current_app", app)
    with pytest.MonkeyPatch.context() as patched:
        noted = []
        patched.setattr(waking.log, "warning", lambda text, **_fields: noted.append(text))
        waking.wake(5)
    assert noted == ["broker unreachable, the sweep will send the letter"]


def test_the_task_that_is_woken_exists_on_the_urgent_queue(monkeypatch, settings):
    broker = Broker()
    monkeypatch.setattr(waking, "current_app", broker)
    waking.wake(5)
    ((name, args),) = broker.sent
    assert (name, args) == (tasks.send_letter.name, [5])
    assert current_app.amqp.router.route({}, name)["queue"].name == "urgent"


@pytest.mark.django_db
def test_the_sweep_wakes_workers_for_what_nobody_was_woken_for(monkeypatch):
    broker = Broker()
    monkeypatch.setattr(waking, "current_app", broker)
    letter = a_letter(a_reader())
    tasks.sweep_letters()
    assert broker.sent == [(tasks.send_letter.name, [letter.pk])]
    tasks.send_letter(letter.pk)
    letter.refresh_from_db()
    assert letter.state == LetterState.SENT
