"""Keeping tokens out of the logs: Django and web servers log the paths they answer, and ours
carry readers' keys.
"""

import logging
import re

_SIGNED_PATH = re.compile(r"(/[acnpuv]/)[A-Za-z0-9_-]{16,}")


class TokenFilter(logging.Filter):
    """Replaces the token of every signed path in a record; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message and its arguments in place."""
        if isinstance(record.msg, str):
            record.msg = redact(record.msg)
        # gunicorn's access log gives one mapping, all others a tuple.
        if isinstance(record.args, dict):
            for name, value in record.args.items():
                record.args[name] = redact(value) if isinstance(value, str) else value
        elif isinstance(record.args, tuple):
            record.args = tuple(
                redact(value) if isinstance(value, str) else value for value in record.args
            )
        return True


def redact(text: str) -> str:
    """Return the text with the token of every signed path replaced by an ellipsis."""
    return _SIGNED_PATH.sub(r"\1…", text)
