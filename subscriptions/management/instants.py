"""Reading an instant from the command line."""

from argparse import ArgumentTypeError
from datetime import datetime

from django.utils.dateparse import parse_datetime


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset, for argparse.

    Raises:
        ArgumentTypeError: with an example of the right form.
    """
    try:
        parsed = parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is no valid instant: {error}") from error
    if parsed is None or parsed.tzinfo is None:
        raise ArgumentTypeError(
            f"“{text}” is not an instant with an offset, such as 2026-01-10T05:00:00Z"
        )
    return parsed
