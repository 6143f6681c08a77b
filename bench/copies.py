"""Millions of rows within seconds: copies of rows that are there, made inside PostgreSQL."""

from collections.abc import Mapping

from django.db import connection
from django.db.models import AutoField, Model

from bench.world import analyze
from subscriptions.models import Subscriber


def copy_rows(
    model: type[Model], first: int, last: int, values: Mapping[str, str], where: str = "true"
) -> None:
    """Write copies with the numbers `first` to `last` of the rows that `where` names, in turn.

    `values` gives SQL for columns that differ: `number` is the copy's number, `base` the row that
    is copied. All other columns are the row's, so that a new column of a model needs nothing here.
    """
    table, key = model._meta.db_table, model._meta.concrete_fields[0].column
    columns = [
        field.column for field in model._meta.concrete_fields if not isinstance(field, AutoField)
    ]
    chosen = ", ".join(values.get(column, f'base."{column}"') for column in columns)
    named = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH base AS (
                SELECT *, row_number() OVER (ORDER BY "{key}") - 1 AS place
                FROM {table} WHERE {where}
            )
            INSERT INTO {table} ({named})
            SELECT {chosen} FROM generate_series(%s, %s) AS number
            JOIN base ON base.place = number %% (SELECT count(*) FROM base)
            """,  # noqa: S608 - names of our own models, and text of our own
            [first, last],
        )


def copy_readers(count: int, values: Mapping[str, str] | None = None) -> None:
    """Write readers until there are `count`: copies with other addresses, hours and zones, and,
    unless `values` says otherwise, the profiles of those that are there.
    """
    there = Subscriber.objects.count()
    address = "'copy' || number || '@example.net'"
    own = {
        "address": address,
        "address_key": address,
        "hour": "number %% 24",
        "timezone": "(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', "
        "'Australia/Sydney'])[1 + number %% 5]",
    }
    original = "address NOT LIKE 'copy%%' AND state = 'active'"
    if count > there:
        copy_rows(Subscriber, there + 1, count, {**own, **(values or {})}, where=original)
    analyze()
