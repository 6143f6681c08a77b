"""Days in addresses, such as /editions/daily/2026-01-10/."""

from datetime import date


class DayConverter:
    """An ISO day; what is no day of the calendar is no address of ours."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        """Read the day; a ValueError makes Django answer 404."""
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        """Write the day."""
        return value.isoformat()
