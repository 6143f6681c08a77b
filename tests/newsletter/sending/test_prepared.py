"""A prepared statement leaves time for other work, and the connection in order whatever that work does."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import OperationalError, ProgrammingError, connection

from newsletter.sending.prepared import Prepared

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has no server that one could wait for"),
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
    assert Prepared("rows", "SELECT * FROM generate_series(1, $1::int)").execute("7", meanwhile=idly()) == 7


def test_work_in_the_meantime_ends_with_the_answer(slow):
    done = []
    slow.execute("0.05", meanwhile=(done.append(number) for number in range(100_000_000)))
    assert done == [*range(len(done))]
    assert 1 < len(done) < 100_000_000
    assert answers_still()


def test_work_that_is_done_before_the_answer_waits_for_it(slow):
    assert slow.execute("0.05", meanwhile=iter([None])) == 1
    assert answers_still()


def test_a_worker_told_to_stop_in_the_meantime_can_still_write_its_books(slow):
    def told_to_stop() -> Iterator[None]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        slow.execute("0.05", meanwhile=told_to_stop())
    assert answers_still()


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
