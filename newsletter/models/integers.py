"""IntegersField: a list of whole numbers, or of such lists; an array on PostgreSQL, JSON on SQLite,
lists in Python.

As arrays the papers and score parts of a delivery take a third of what they take as `jsonb`, in
bytes and in time.
"""

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class IntegersField(models.Field):  # type: ignore[type-arg]  # generic in the stubs alone
    """Lists within a list have one length. `of` is PostgreSQL's type of a number: "bigint",
    "integer" or "smallint".
    """

    def __init__(self, *args: Any, of: str = "bigint", **options: Any) -> None:
        self.of = of
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """Return what a migration writes down."""
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"of": self.of}

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type."""
        return f"{self.of}[]" if connection.vendor == "postgresql" else "text"

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        """Let SQLite, which takes any text, take JSON alone."""
        return None if connection.vendor == "postgresql" else f'(JSON_VALID("{self.column}"))'

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: ARG002 - Django gives it
    ) -> Any:
        """Return the lists as the driver takes them."""
        if value is None:
            return None
        lists = [list(one) if isinstance(one, (list, tuple)) else one for one in value]
        return lists if connection.vendor == "postgresql" else json.dumps(lists)

    def from_db_value(
        self, value: Any, _expression: object, _connection: BaseDatabaseWrapper
    ) -> Any:
        """Return the lists that the driver gave."""
        return json.loads(value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> Any:
        """Return the lists, which a fixture writes as JSON."""
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        """Return what a fixture writes."""
        return json.dumps(self.value_from_object(obj))
