"""A prepared statement leaves time for other work, and the connection in order whatever that
work does.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from newsletter.sending.prepared import Prepared

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor == 'sqlite'", reason="SQLite has no server that one could wait for"
    ),
]


def idly() -> Iterator[None]:
    return iter(())


def answers_still() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


@pytest.fixture
def slow() -> Prepared:
    return Prepared("slow", "SELECT pg_sleep($1::float)")


def test_it_says_how_many_rows_it_was_about():
    assert (
        Prepared("rows", "SELECT * FROM generate_series(1, $1::int)").execute("7", meanwhile=idly())
        == 7
    )


def test_work_in_the_meantime_ends_with_the_answer(slow):
    done = []
    slow.execute("0.05", meanwhile=(done.append(number) for number in range(100_000_000)))
    assert done == [*range(len(done))]
    assert 1 < len(done) < 100_000_000
    assert answers_still()


def test_work_that_is_done_before_the_answer_waits_for_it(slow):
    assert slow.execute("0.05", meanwhile=iter([None])) == 1
    assert answers_still()


def test_values_too_long_to_be_sent_at_once_are_sent_whole():
    long = "x" * 20_000_000
    assert (
        Prepared("long", "SELECT 1 WHERE length($1::text) = 20000000").execute(
            long, meanwhile=idly()
        )
        == 1
    )
    assert answers_still()


def test_a_worker_told_to_stop_in_the_meantime_can_still_write_its_books(slow):
    def told_to_stop() -> Iterator[None]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        slow.execute("0.05", meanwhile=told_to_stop())
    assert answers_still()


def test_other_threads_go_on_while_the_server_keeps_it_waiting():
    """Else it could wait for ever for a lock that one of them holds."""

    def wait_for_the_lock() -> None:
        with closing(connection):
            Prepared("lock", "SELECT pg_advisory_lock($1::bigint)").execute("7", meanwhile=idly())

    with (
        closing(connection.copy()) as other,
        other.cursor() as cursor,
        ThreadPoolExecutor(1) as pool,
    ):
        cursor.execute("SELECT pg_advisory_lock(7)")
        waiting = pool.submit(wait_for_the_lock)
        while not _is_waited_for(cursor):
            assert not waiting.done()
        cursor.execute("SELECT pg_advisory_unlock(7)")
        waiting.result()


def _is_waited_for(cursor) -> bool:
    cursor.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
    )
    return cursor.fetchone() == (1,)


def test_a_signal_breaks_off_the_wait_and_the_connection(slow):
    class TimeIsUp(Exception):
        pass

    def ring(*_: object) -> None:
        raise TimeIsUp

    connection.ensure_connection()
    backend = connection.connection.info.backend_pid
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeIsUp):
            slow.execute("120", meanwhile=idly())
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises((OperationalError, InterfaceError)):
        answers_still()
    connection.close()
    assert answers_still()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(%s, 5000)", [backend]
        )  # it sleeps on, and would be in the way of the suite's end


def test_a_statement_that_fails_is_told_as_any_other():
    with pytest.raises(ProgrammingError, match="nowhere"):
        Prepared("wrong", "SELECT * FROM nowhere WHERE 1 = $1::int").execute("1", meanwhile=idly())
    assert answers_still()


def test_a_connection_cut_in_the_meantime_is_told_as_such(slow):
    connection.ensure_connection()
    backend = connection.connection.info.backend_pid

    def cutting() -> Iterator[None]:
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        while True:
            yield

    with pytest.raises(OperationalError):
        slow.execute("30", meanwhile=cutting())
    connection.close()
    assert answers_still()
