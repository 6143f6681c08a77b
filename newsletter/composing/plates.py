"""Plates: encoded parts of digests that many readers share, with marks where a reader's own values go.

A mark is a single control character, which encoded text never holds, so that putting the values in is a search for one byte.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from newsletter.composing.compiled import Piece, Slot
from newsletter.composing.content import DigestLinks
from newsletter.composing.digest import escaped
from newsletter.composing.parts import Part
from newsletter.composing.quoted import LONGEST_LINE, SOFT_BREAK, quoted

LONGEST_ESCAPE = 6
"""Bytes that one character of a value can take in HTML, at most: `&quot;`."""
PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_OWN = ("leave", "preferences", "view", "address", "act", "read")
MARKS = {name: chr(place + 1) for place, name in enumerate((*_OWN, "number"))}
"""A control character for each value of a reader's own. Encoded text holds none."""
MARKED_LINKS = DigestLinks(**{name: MARKS[name] for name in DigestLinks.__dataclass_fields__})
_IN_AN_ATTRIBUTE = 0x10
"""What is added to a mark that stands between double quotes in a tag."""
_PLAIN_MARKS = [MARKS[name].encode() for name in _OWN]
_HTML_MARKS = [*_PLAIN_MARKS, *(bytes([mark[0] + _IN_AN_ATTRIBUTE]) for mark in _PLAIN_MARKS)]
NUMBER = MARKS["number"].encode()
_ANY_MARK = re.compile(rb"[\x01-\x08\x11-\x18]")
_NEEDS_NONE = re.compile(r"(?:(?!\.)[!-<>-~]*\n)*(?!\.)[!-<>-~]*")
"""Lines that quoted-printable leaves as they are."""
_ESCAPABLE = re.compile('[&<>"]')


@dataclass(frozen=True, slots=True)
class EncodedPiece:
    """A compiled piece whose constants are encoded. `weight` counts them before encoding, in bytes."""

    elements: tuple[bytes | Slot, ...]
    weight: int
    markup: bool

    def append_to(self, content: list[bytes], values: Mapping[str, str]) -> int:
        """Add the piece with its values, encoded, and return an upper bound of its weight before."""
        weight = self.weight
        for element in self.elements:
            if isinstance(element, bytes):
                content.append(element)
            else:
                value = values[element.name]
                weight += LONGEST_ESCAPE * len(value)
                content.append(_value(value, element.attribute, self.markup))
        return weight


class Plate(NamedTuple):
    """Encoded parts with everything in them but a reader's own values, for which marks stand. Readers share plates.

    `weight` counts the HTML before encoding, without the own values, and `marks` how many of those go into it. `text_marks` and
    `html_marks` name each kind of mark in them once.
    """

    text: bytes
    html: bytes
    weight: int
    marks: int
    text_marks: frozenset[bytes]
    html_marks: frozenset[bytes]


class OwnValues(NamedTuple):
    """A reader's own values by the marks that stand for them, encoded. `longest` is the length of the longest."""

    text: Mapping[bytes, bytes]
    html: Mapping[bytes, bytes]
    longest: int

    @classmethod
    def of(cls, links: DigestLinks, address: str) -> "OwnValues":
        """Encode the values for each kind of place where a mark can stand. `address` is a clean line."""
        values = (links.leave, links.preferences, links.view, address, links.act, links.read)
        longest = max(map(len, values))
        # One look at all of them: six short texts that need no encoding are nearly always what there is.
        usual = longest < LONGEST_LINE and _NEEDS_NONE.fullmatch("\n".join(values))
        encoded = [value.encode() + SOFT_BREAK if value else b"" for value in values] if usual else [quoted(value) for value in values]
        text = dict(zip(_PLAIN_MARKS, encoded, strict=True))
        if not _ESCAPABLE.search("".join(values)):
            return cls(text, dict(zip(_HTML_MARKS, encoded + encoded, strict=True)), longest)
        html = [quoted(escaped(value, in_attribute)) for in_attribute in (False, True) for value in values]
        return cls(text, dict(zip(_HTML_MARKS, html, strict=True)), longest)


def with_values(content: bytes, marks: Iterable[bytes], own: Mapping[bytes, bytes]) -> bytes:
    """Put the reader's own values where their marks are."""
    for mark in marks:
        content = content.replace(mark, own[mark])
    return content


def end_encoding(content: list[bytes]) -> None:
    """End an encoded text: no line follows its last piece."""
    while content and not content[-1]:
        content.pop()
    if content:
        content[-1] = content[-1].removesuffix(SOFT_BREAK)


@lru_cache(maxsize=8_192)
def _value(value: str, attribute: bool, markup: bool) -> bytes:
    """Return a value encoded. A digest names most of its values several times, and readers share many."""
    return quoted(escaped(value, attribute) if markup else value)


def encoded_piece(piece: Piece, *, markup: bool) -> EncodedPiece:
    """Encode a piece once for all readers. `markup` says that its values must be escaped."""
    return EncodedPiece(
        elements=tuple(quoted(element) if isinstance(element, str) else element for element in piece),
        weight=sum(len(element.encode()) for element in piece if isinstance(element, str)),
        markup=markup,
    )


def _engrave(content: list[bytes], piece: EncodedPiece, values: Mapping[str, str]) -> int:
    """Add the piece with its values, of which some begin with a mark; return an upper bound of its weight without the marks."""
    weight = piece.weight
    for element in piece.elements:
        if isinstance(element, bytes):
            content.append(element)
            continue
        value = values[element.name]
        if value[:1] in MARKS.values():
            content.append(bytes([ord(value[0]) + (_IN_AN_ATTRIBUTE if element.attribute else 0)]))
            value = value[1:]
        weight += LONGEST_ESCAPE * len(value)
        content.append(_value(value, element.attribute, piece.markup))
    return weight


@lru_cache(maxsize=256)
def number_of(number: int) -> bytes:
    """Return a paper's number, encoded, for the mark `NUMBER`."""
    return quoted(f"{number:>2}")


def plate_of(text_pieces: Mapping[str, EncodedPiece], html_pieces: Mapping[str, EncodedPiece], parts: Sequence[Part]) -> Plate:
    """Engrave the parts, whose values may begin with marks."""
    text: list[bytes] = []
    html: list[bytes] = []
    weight = 0
    for part in parts:
        _engrave(text, text_pieces[part.key], part.values)
        weight += _engrave(html, html_pieces[part.key], part.values)
    written, drawn = b"".join(text), b"".join(html)
    marks = _ANY_MARK.findall(drawn)
    return Plate(written, drawn, weight, len(marks), frozenset(_ANY_MARK.findall(written)) - {NUMBER}, frozenset(marks) - {NUMBER})
