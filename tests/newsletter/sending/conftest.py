from datetime import timedelta

import pytest

from newsletter.sending import frozen, press, ration, sender
from newsletter.sending.transports import pool
from tests.newsletter.sending.ways_out import Killed


@pytest.fixture(autouse=True)
def empty_memory():
    """A worker keeps frozen editions in memory; here every test has a database of its own."""
    frozen.forget()
    press.forget()
    yield
    pool.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """A test's clock stands still, so every wait is left to the beat."""
    monkeypatch.setattr(ration, "LONGEST_WAIT", timedelta(0))


@pytest.fixture
def die(monkeypatch):
    """Run work that is killed in the middle, without the last words that a process which merely
    fails would write.
    """

    def dying(work) -> None:
        def no_last_words(_run):
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(sender, "_settle", no_last_words)
            with pytest.raises(Killed):
                work()

    return dying
