"""Typesetting: line breaking, direction and isolation of text that we did not write."""

import re
import textwrap
import unicodedata
from functools import lru_cache

import wcwidth

from ingest.cleaning import one_line

COLUMNS = 78
"""RFC 5322 section 2.1.1 asks for lines of at most 78 characters."""
LONGEST_WORD = 24
"""Characters of text that fit between the margins of a window of 320 pixels in a wide font, which
is an ordinary window enlarged four times (WCAG 2.2, 1.4.10).
"""
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_NARROW = re.compile("[ -~\u00a0-\u02af\u2010-\u2027]*")
_ADDRESS = re.compile(r"https?://\S+")
_BREAK_HERE = "\u200b"  # zero width space: `wbr` fails in the Gmail app and in Outlook
_GOOD_BREAK = re.compile(r"(?<=[/\-_.=&?,;:+)])(?=[^/\-_.=&?,;:+)\s])")
SEPARATOR = "\u00a0· "
"""Between things in a row: the dot stays with what is before it, so that no line begins with
one.
"""
_APOSTROPHE = re.compile(r"(?<=\w)'(?=[^\W\d_])")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_JOINERS = {"\u200c", "\u200d"}
_TEMPLATE_TAG = re.compile(r"\{(?=[{%])")
_RTL_CLASSES = {"R", "AL"}


def clean_line(text: str, limit: int = 500) -> str:
    """Return the text as one clean line that no template engine on its way, such as a mail
    provider's, takes for its own.
    """
    return _TEMPLATE_TAG.sub("{ ", one_line(text, limit))


def direction(text: str) -> str:
    """Return "rtl" when the first strong character runs from right to left (Unicode annex 9,
    rules P2 and P3), else "".
    """
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in _RTL_CLASSES:
            return "rtl"
        if kind == "L":
            return ""
    return ""


def isolated(text: str) -> str:
    """Return the text between isolates if it holds right-to-left letters, so that it cannot
    reorder what stands beside it.
    """
    if text.isascii() or not any(
        unicodedata.bidirectional(character) in _RTL_CLASSES for character in text
    ):
        return text
    return f"{_ISOLATE}{text}{_END_ISOLATE}"


def with_apostrophes(text: str) -> str:
    """Return the text with a real apostrophe in the middle of words, where papers have
    typewriters' ones.
    """
    return _APOSTROPHE.sub("’", text)


def unbroken(text: str) -> str:
    """Return the text with blanks at which no line breaks."""
    return text.replace(" ", "\u00a0")


def breakable(text: str) -> str:
    """Return the text with invisible break points in words of over `LONGEST_WORD` characters,
    which would widen a phone's page.
    """
    return _LONG_WORD.sub(lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    return _BREAK_HERE.join(piece for part in _GOOD_BREAK.split(word) for piece in _pieces(part))


def _pieces(part: str) -> list[str]:
    """Cut a run without natural breaks into pieces of at most `LONGEST_WORD` characters and a few
    marks, never before a mark or joiner.
    """
    pieces = [""]
    for character in part:
        full = len(pieces[-1]) >= LONGEST_WORD and not unicodedata.category(character).startswith(
            "M"
        )
        if full and character not in _JOINERS and pieces[-1][-1] not in _JOINERS:
            pieces.append("")
        pieces[-1] += character
    return pieces


@lru_cache(maxsize=4_096)
def paragraph(text: str, *, indent: int = 0, first: str | None = None) -> str:
    """Return the text as lines of at most 78 columns, each indented; `first` replaces the indent of
    the first line.

    Columns are those of a terminal: wide characters count as two. Text with an address too long for
    a line keeps its words whole, because a broken address is of no use. The first line keeps the
    room of the indent also where `first` is shorter, so that a number can be put before it.
    """
    margin = " " * indent
    whole = any(len(address[0]) > COLUMNS - indent for address in _ADDRESS.finditer(text))
    wrap = (
        textwrap.wrap if _NARROW.fullmatch(text) else wcwidth.wrap
    )  # the latter counts columns, and takes ten times as long
    lines = wrap(text, COLUMNS - indent, break_long_words=not whole, break_on_hyphens=False)
    laid = "\n".join(margin + line for line in lines)
    return laid if first is None else first + laid[indent:]
