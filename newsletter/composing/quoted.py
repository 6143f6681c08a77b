"""Quoted-printable for texts that are encoded piece by piece and joined afterwards (RFC 2045 section 6.7).

Each piece begins at the start of a line and ends with a soft break, so pieces can stand in any order. A dot at the start of a line is
written as =2E, so that no mail made of such pieces needs its dots doubled for SMTP.
"""

import re
from functools import lru_cache

LONGEST_LINE = 76
SOFT_BREAK = b"=\r\n"
_AS_IT_IS = re.compile(r"(?!\.)[!-<>-~ ]{0,74}[!-<>-~]")
_UNIT = re.compile(rb"=[0-9A-F]{2}|.", re.DOTALL)
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
    """Encode a text that needs breaking or escaping; what repeats from reader to reader is encoded once."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8").split(b"\n")
    return b"\r\n".join(map(_line, lines)) + SOFT_BREAK


def _line(line: bytes) -> bytes:
    """Encode one line without its end, broken softly where it grows too long."""
    broken = [b""]
    for unit in _UNIT.findall(_UNSAFE.sub(lambda found: b"=%02X" % found[0][0], line)):
        if len(broken[-1]) + len(unit) > LONGEST_LINE - 1:
            broken.append(b"")
        broken[-1] += b"=2E" if unit == b"." and not broken[-1] else unit
    return SOFT_BREAK.join(broken)
