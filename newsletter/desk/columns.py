"""Columns that several lists share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin


def instant(name: str, title: Any) -> Callable[[Any], str]:
    """Return a column that shows the instant in the field `name` as 2026-01-14 05:00, in UTC:
    short, and sorted as it reads.
    """

    @admin.display(description=title, ordering=name)
    def column(row: Any) -> str:
        at: datetime | None = getattr(row, name)
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else "–"

    column.__name__ = name
    return column
