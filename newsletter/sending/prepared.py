"""A prepared statement for PostgreSQL, executed by libpq itself: for what runs with every batch and
before every few mails.

Django switches psycopg's prepared statements off, because poolers between the two may hand a
session to somebody else. So the statements are prepared by hand, once for each connection. Each
costs an eighth of the usual way.
"""

import select
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakSet

import psycopg
from django.db import connection
from psycopg import pq


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL with $1, $2 ... for its values, which travel as text."""

    name: str
    sql: str
    _ready: WeakSet[psycopg.Connection[object]] = field(default_factory=WeakSet)

    def execute(self, *values: str, meanwhile: Iterator[object]) -> int:
        """Run it in autocommit mode and return how many rows it changed.

        Args:
            meanwhile: work in pieces for the time in which the server is busy, which costs less
                than to sleep and be woken. What is
                not reached stays undone.

        Raises:
            django.db.Error: its subclass as for any other statement.
        """
        connection.ensure_connection()
        session: psycopg.Connection[object] = connection.connection
        with connection.wrap_database_errors:
            session.pgconn.send_query_prepared(
                self.named_in(session), [value.encode() for value in values]
            )
            try:
                _work_while_busy(session.pgconn, meanwhile)
            finally:
                # Whatever happens, nothing else can be asked over this connection before the answer
                # was read.
                result = _answer(session.pgconn)
            return checked(session, result).command_tuples or 0

    def named_in(self, session: psycopg.Connection[object]) -> bytes:
        """Return its name in a session, where it is prepared the first time it is asked for, with
        one plan for all values.

        Left to itself PostgreSQL takes a short list of readers for a reason to plan anew each time,
        which costs more than the statement.
        """
        name = self.name.encode()
        if session not in self._ready:
            checked(session, session.pgconn.exec_(b"SET plan_cache_mode = force_generic_plan"))
            checked(session, session.pgconn.prepare(name, self.sql.encode()))
            self._ready.add(session)
        return name


def _work_while_busy(session: pq.abc.PGconn, meanwhile: Iterator[object]) -> None:
    for _ in meanwhile:
        session.consume_input()
        if not session.is_busy():
            return


def _answer(session: pq.abc.PGconn) -> pq.abc.PGresult | None:
    """Wait for the statement's answer, and read on to its end. Whoever breaks off the wait breaks
    the connection.

    libpq could wait by itself, but would let neither another thread nor a signal have its turn, and
    the statement may wait for a lock that one of them holds.
    """
    try:
        while session.is_busy():
            _until_ready(session)
            session.consume_input()
    except BaseException:
        session.finish()
        raise
    result = following = session.get_result()
    while following is not None:
        following = session.get_result()
    return result


def _until_ready(session: pq.abc.PGconn) -> None:
    """Wait for more of the answer, or for room to send the rest of a statement that was too long
    to be sent at once.
    """
    poll = select.poll()
    poll.register(
        session.socket, select.POLLIN | select.POLLOUT if session.flush() else select.POLLIN
    )
    poll.poll()


def checked(session: psycopg.Connection[object], result: pq.abc.PGresult | None) -> pq.abc.PGresult:
    """Return libpq's answer, or raise what it says as psycopg does."""
    if session.pgconn.status != pq.ConnStatus.OK or result is None:
        raise psycopg.OperationalError("the connection to the database was lost")
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(result)
    return result
