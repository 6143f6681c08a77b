"""The lookup `among`: like `in`, with the whole list as one value.

A batch asks for several hundred ids at a time. As one value they cost a fifth of what as many placeholders cost, and the statement's
text is always the same.
"""

import json
from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, Lookup
from django.db.models.sql.compiler import SQLCompiler


@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup):  # type: ignore[type-arg]  # generic in the stubs alone
    """`pk__among=ids` for integer columns."""

    lookup_name = "among"
    prepare_rhs = False
    rhs: Collection[int]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        """Return the condition with one parameter."""
        column, values = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s::bigint[])", [*values, f"{{{','.join(map(str, self.rhs))}}}"]
        return f"{column} IN (SELECT value FROM json_each(%s))", [  # noqa: S608 - a column's name of Django's
            *values,
            json.dumps(list(self.rhs)),
        ]
