"""Quoted-printable for texts that are encoded piece by piece and joined afterwards (RFC 2045
section 6.7).

Each piece begins at the start of a line and ends with a soft break, so pieces can stand in any
order. A dot at the start of a line is written as =2E, so that no mail made of such pieces needs its
dots doubled for SMTP.
"""

import re
from functools import lru_cache

LONGEST_LINE = 76
SOFT_BREAK = b"=\r\n"
DOT = b"=2E"
ESCAPE = ord("=")
_AS_IT_IS = re.compile(r"(?!\.)[!-<>-~ ]{0,74}[!-<>-~]")
_UNSAFE = re.compile(rb"[^!-<>-~ \t]|[ \t]\Z")


def quoted(text: str) -> bytes:
    """Return the text as quoted-printable that ends with a soft break; nothing for no text."""
    if not text:
        return b""
    if _AS_IT_IS.fullmatch(text):
        return text.encode("ascii") + SOFT_BREAK
    return _quoted_at_length(text)


@lru_cache(maxsize=8_192)
def _quoted_at_length(text: str) -> bytes:
    """Encode a text that needs breaking or escaping; what repeats from reader to reader is
    encoded once.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8").split(b"\n")
    return b"\r\n".join(map(_line, lines)) + SOFT_BREAK


def _line(line: bytes) -> bytes:
    """Encode one line without its end, broken softly where it grows too long, never within an
    escape.
    """
    escaped = _UNSAFE.sub(lambda found: b"=%02X" % found[0][0], line)
    broken: list[bytes] = []
    start = 0
    while True:
        dot = DOT if escaped.startswith(b".", start) else b""
        start += len(dot) // len(DOT)
        end = start + LONGEST_LINE - 1 - len(dot)
        if end >= len(escaped):
            broken.append(dot + escaped[start:])
            return SOFT_BREAK.join(broken)
        # An escape is an equals sign and two digits: one that would be cut goes to the next line as
        # a whole.
        end -= next((back for back in (1, 2) if escaped[end - back] == ESCAPE), 0)
        broken.append(dot + escaped[start:end])
        start = end
