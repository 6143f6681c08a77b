"""Questions and changes: the statements that a batch takes. On PostgreSQL each is prepared, so
neither side puts it together again.

For a batch Django takes several times as long to put a query together as PostgreSQL takes to answer
it, and PostgreSQL often as long to plan it. The ORM says each of them, once; that is how SQLite is
asked every time. The plan is kept until PostgreSQL has new statistics of a table, which it gathers
within a minute of a table's growing by a tenth; each query here is answered through an index.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler
from psycopg import pq, sql
from psycopg.adapt import Transformer

from newsletter.models import Ids
from newsletter.sending.prepared import Prepared, checked

Given = int | str | datetime | UUID | Ids
Row = tuple[Any, ...]


class Question:
    """`ask` returns, for some values, a query of `values_list`; each call brings values of its
    own.
    """

    def __init__(self, name: str, ask: Callable[..., QuerySet[Any, Any]]) -> None:
        self._ask = ask
        self._statement = _Statement(
            name, lambda *slots: ask(*slots).query.get_compiler(connection=connection)
        )

    def __call__(self, *values: Given) -> list[Row]:
        """Return the rows of the answer.

        Raises:
            django.db.Error: its subclass as for any other query.
        """
        if connection.vendor != "postgresql":
            return list(self._ask(*values))
        return self._statement.rows(values)


class Change:
    """`change` returns, for some values, a query and what `update` is to set; each call brings
    values of its own.
    """

    def __init__(
        self, name: str, change: Callable[..., tuple[QuerySet[Any, Any], dict[str, object]]]
    ) -> None:
        self._change = change
        self._statement = _Statement(name, lambda *slots: _updating(*change(*slots)))

    def __call__(self, *values: Given) -> int:
        """Return how many rows were changed.

        Raises:
            django.db.Error: its subclass as for any other statement.
        """
        if connection.vendor != "postgresql":
            rows, new = self._change(*values)
            return rows.update(**new)
        return self._statement.execute(values).command_tuples or 0


def _updating(rows: QuerySet[Any, Any], new: dict[str, object]) -> SQLCompiler:
    query = cast("UpdateQuery", rows.query.chain(UpdateQuery))
    query.add_update_values(new)
    compiler: SQLCompiler = query.get_compiler(connection=connection)
    return compiler


@dataclass(frozen=True, slots=True)
class _Slot:
    """Stands for the value at this place of a call while Django writes the SQL."""

    place: int


class _Statement:
    """A statement of Django's as PostgreSQL keeps it prepared, by name, for each session."""

    def __init__(self, name: str, compiled: Callable[..., SQLCompiler]) -> None:
        self._name = f"paperboy_{name}"
        self._compiled = compiled
        self._compiler: SQLCompiler | None = None
        self._prepared: Prepared | None = None
        self._places: list[int] = []
        self._converters: Any = {}

    def rows(self, values: Sequence[Given]) -> list[Row]:
        answer = self.execute(values)
        transformer = Transformer(connection.connection)
        transformer.set_pgresult(answer)
        rows: list[Row] = transformer.load_rows(0, answer.ntuples, tuple)
        if self._compiler is None or not self._converters:
            return rows
        return [tuple(row) for row in self._compiler.apply_converters(rows, self._converters)]

    def execute(self, values: Sequence[Given]) -> pq.abc.PGresult:
        connection.ensure_connection()
        session: psycopg.Connection[object] = connection.connection
        with connection.wrap_database_errors:
            if (
                not session.autocommit
                and session.pgconn.transaction_status == pq.TransactionStatus.IDLE
            ):
                checked(
                    session, session.pgconn.exec_(b"BEGIN")
                )  # as psycopg does before a transaction's first statement
            name = (self._prepared or self._write(session, values)).named_in(session)
            return checked(
                session,
                session.pgconn.exec_prepared(
                    name, [_text(values[place]) for place in self._places]
                ),
            )

    def _write(self, session: psycopg.Connection[object], values: Sequence[Given]) -> Prepared:
        """Let Django write it with a slot for each value. Its own constants become part of the
        text, where the planner sees them.
        """
        slots = [
            Ids.standing_for(_Slot(at)) if isinstance(value, Ids) else Value(_Slot(at))
            for at, value in enumerate(values)
        ]
        compiler = self._compiled(*slots)
        text, given = compiler.as_sql()
        parameters: list[object] = [*given]
        self._places = [one.place for one in parameters if isinstance(one, _Slot)]
        numbers = iter(range(1, len(self._places) + 1))
        written = (
            f"${next(numbers)}" if isinstance(one, _Slot) else sql.Literal(one).as_string(session)
            for one in parameters
        )
        self._converters = compiler.get_converters(
            [column for column, _sql, _alias in compiler.select or ()]
        )
        self._compiler = compiler
        self._prepared = Prepared(self._name, text % tuple(written))
        return self._prepared


def _text(value: Given) -> bytes:
    """Return the value as PostgreSQL reads it."""
    if isinstance(value, Ids):
        return f"{{{value.listed}}}".encode()
    return (value.isoformat() if isinstance(value, datetime) else str(value)).encode()
