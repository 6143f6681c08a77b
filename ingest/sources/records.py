"""Reading records of foreign JSON: every field may be absent, null or of the wrong kind. Pure.

A doubtful value is left out, and a warning tells the record's place.
"""

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingest import prose
from ingest.cleaning import MANY_AUTHORS, NAME_LIMIT, one_line, web_link
from ingest.sighting import LARGEST_COUNT, Unreadable

EARLIEST_DAY = date(1991, 8, 14)
"""arXiv's first day. Sources of trending papers name earlier ones only by mistake: 1970 is a
zero that was read as a date.
"""


def load(content: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        Unreadable: with what the body is instead.
    """
    if not content.strip():
        raise Unreadable("is empty: JSON is needed.")
    try:
        return json.loads(content)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"is not UTF-8: byte 0x{content[error.start]:02x} at place {error.start + 1}."
        ) from error
    except RecursionError as error:
        raise Unreadable("is nested too deeply to be a list of papers.") from error
    except ValueError as error:
        kind = "HTML" if content.lstrip()[:1] == b"<" else "broken or cut short"
        raise Unreadable(f"is not JSON but {kind}: {error}") from error


class Record:
    """One JSON object, read field by field. Lookups never raise; what is wrong is added to
    `warnings`, with the record's place.

    Records inside it share its place and its warnings.
    """

    def __init__(self, values: object, place: int, warnings: list[str]) -> None:
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}
        self.place = place
        self.warnings = warnings

    def __bool__(self) -> bool:
        return bool(self._values)

    def record(self, name: str) -> "Record":
        """Return an object inside this one, empty where there is none."""
        return Record(self._values.get(name), self.place, self.warnings)

    def records(self, name: str) -> list["Record"]:
        """Return the objects of an array; other elements are left out."""
        return [
            Record(value, self.place, self.warnings)
            for value in self.items(name)
            if isinstance(value, dict)
        ]

    def text(self, name: str) -> str:
        """Return a text as it was sent, or an empty one."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self._note(f"“{name}” is no text")
        return ""

    def texts(self, name: str) -> list[str]:
        """Return the texts of an array, cleaned to single lines; empty ones and other elements
        are left out.
        """
        lines = (
            one_line(value, NAME_LIMIT) for value in self.items(name) if isinstance(value, str)
        )
        return [line for line in lines if line]

    def flag(self, name: str) -> bool:
        """Return whether a field is true; anything but true is not."""
        return self._values.get(name) is True

    def count(self, name: str) -> int | None:
        """Return a count from 0 up to what can be; None where it is unknown."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, float) and math.isfinite(value) and value == int(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
            self._note(f"“{name}” is no count")
            return None
        return value

    def link(self, name: str) -> str:
        """Return an http or https address, or an empty text."""
        value = self.text(name)
        link = web_link(value)
        if value and not link:
            self._note(f"“{name}” is no web address")
        return link

    def instant(self, name: str, *, latest: datetime) -> datetime | None:
        """Return an ISO 8601 instant as UTC; one without an offset is taken as UTC.

        None where it is absent, wrong, before arXiv's first day or later than a day after `latest`.
        """
        value = self.text(name)
        if not value:
            return None
        try:
            instant = datetime.fromisoformat(value.strip())
            instant = (
                instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
            )
        except (ValueError, OverflowError):
            self._note(f"“{name}” is no date")
            return None
        if not EARLIEST_DAY <= instant.date() <= (latest + timedelta(days=1)).date():
            self._note(f"“{name}” says {instant.date()}, which cannot be")
            return None
        return instant

    def day(self, name: str, *, latest: datetime) -> date | None:
        """Return the UTC day of an instant, under the rules of `instant`."""
        instant = self.instant(name, latest=latest)
        return instant.date() if instant else None

    def names(self, names: list[str], field: str = "authors") -> tuple[str, ...]:
        """Return names as cleaned, without the empty ones; none where there are more than any
        paper has.
        """
        cleaned = prose.names(names[: MANY_AUTHORS + 1])
        if len(cleaned) > MANY_AUTHORS:
            self._note(f"“{field}” has {len(names)} names, which cannot be")
            return ()
        return cleaned

    def warn(self, problem: str) -> None:
        """Add a warning about this record."""
        self.warnings.append(f"Record {self.place}: {problem}.")

    def _note(self, problem: str) -> None:
        self.warn(f"{problem}; left out")

    def items(self, name: str) -> list[Any]:
        """Return the elements of an array as they are, none where there is no array."""
        value = self._values.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self._note(f"“{name}” is no array")
        return []
