"""Cleaning at every door: whatever a source sends becomes text that can be stored, mailed and
shown. Pure.

What goes: C0 and C1 controls, lone surrogates (they cannot be encoded), noncharacters, the
replacement character U+FFFD (it marks a letter that somebody before us could not decode), byte
order marks, bidirectional embeddings, overrides and isolates (they can make a text read as
another), invisible fillers, and the tag characters, which hide a text inside another (three flags
lose their colours by it). What stays: ZWJ and ZWNJ, which emoji and several scripts need. The rest
is put into Unicode normal form C.
"""

import re
import unicodedata
from urllib.parse import urlsplit

TITLE_LIMIT = 500
ABSTRACT_LIMIT = 20_000
NAME_LIMIT = 200
LINK_LIMIT = 500
MANY_AUTHORS = 5_000
"""Collaborations of physics sign with up to about five thousand names; more is a mistake of the
source.
"""

# Every plane ends in two noncharacters; U+FDD0 to U+FDEF are the others (Unicode core
# specification, section 23.7).
_PLANE_ENDS = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_INVISIBLE = (
    "\ud800-\udfff"  # surrogates: in a str they are always lone
    "\ufdd0-\ufdef" + _PLANE_ENDS + "\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\ufeff\u00ad\u180e\u200b\u2060-\u2064"  # byte order mark, soft hyphen, zero-width fillers
    "\u206a-\u206f\ufff9-\ufffb\U000e0000-\U000e007f"  # deprecated formats, annotations, tags
    "\ufffd"  # the replacement character
)
_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_DROPPED = re.compile(f"[{_INVISIBLE}{_CONTROLS}]")
# The code points that are drawn as nothing (the property Default_Ignorable_Code_Point of Unicode
# 16, DerivedCoreProperties.txt, without those that are dropped above), and the empty Braille cell.
_NOTHING_TO_SEE = re.compile(
    "[\\s\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u2065\u2800\u3164\ufe00-\ufe0f"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff]*"
)
_LINE_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def one_line(text: str, limit: int = TITLE_LIMIT) -> str:
    """Return the text as one clean line of at most `limit` characters, cut with an ellipsis at a
    word where it was longer.

    A line without a visible character is empty.
    """
    line = " ".join(_cleaned(text).split())
    return "" if _NOTHING_TO_SEE.fullmatch(line) else shorten(line, limit)


def body(text: str, limit: int = ABSTRACT_LIMIT) -> str:
    """Return clean text of at most `limit` characters that may have several lines; blanks
    collapse, one empty line may stand.
    """
    lines = (_BLANKS.sub(" ", line).strip() for line in _cleaned(text).split("\n"))
    return shorten(_BLANK_LINES.sub("\n\n", "\n".join(lines)).strip(), limit)


def web_link(text: str) -> str:
    """Return an http or https address as given, or an empty string when it is anything else, too
    long, names a user, or holds a blank or U+FFFD, in whose place another letter belongs.
    """
    link = one_line(text, LINK_LIMIT + 1)
    if len(link) > LINK_LIMIT or "\ufffd" in text or any(sign in link for sign in " <>\"'\\"):
        return ""
    try:
        parts = urlsplit(link)
        host = parts.hostname
        _ = parts.port  # reading it raises where it is no number
    except ValueError:
        return ""
    return (
        link
        if parts.scheme in {"http", "https"} and host and "." in host and "@" not in parts.netloc
        else ""
    )


def shorten(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, the ellipsis included, at the last blank unless that
    would lose more than a fifth.
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    blank = kept.rfind(" ")
    if blank >= limit * 4 // 5:
        kept = kept[:blank]
    return kept.rstrip() + "…"


def _cleaned(text: str) -> str:
    """Drop what must not pass, turn every kind of line break into a newline, and compose."""
    return unicodedata.normalize("NFC", _DROPPED.sub("", _LINE_BREAKS.sub("\n", text)))
