"""Arguments that several commands take."""

import argparse
from datetime import UTC, date, datetime


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant that carries an offset, since a naive time means another moment
    on another machine.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"“{text}” is no ISO 8601 instant, such as 2026-01-10T05:00:00Z"
        ) from error
    if value.tzinfo is None:
        raise argparse.ArgumentTypeError(f"“{text}” has no offset; write {text}Z for UTC")
    return value.astimezone(UTC)


def year(text: str) -> int:
    """Read a year that a listing page can be of."""
    if not (text.isascii() and text.isdigit() and 1991 <= int(text) <= 2100):
        raise argparse.ArgumentTypeError(f"“{text}” is no year from 1991 to 2100")
    return int(text)


def day(text: str) -> date:
    """Read a day that a source can have listed papers on."""
    try:
        value = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"“{text}” is no day, such as 2025-01-09") from error
    if value.year < 1991:
        raise argparse.ArgumentTypeError(f"{text} lies before the first paper of any source")
    return value
