"""Plates: encoded parts of digests that many readers share, with marks where a reader's own values
go.

A mark is a single control character, which encoded text never holds, so that putting the values in
is a search for one byte. What surrounds the cards is cut at its marks once and for all: then a
whole message is one choice from a row of ready values, and one join.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from newsletter.composing.compiled import Piece, Slot, escaped
from newsletter.composing.content import DigestLinks
from newsletter.composing.parts import LAYOUT_VALUES, Part
from newsletter.composing.quoted import LONGEST_LINE, SOFT_BREAK, quoted

PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_OWN = ("leave", "preferences", "view", "address", "act", "read")
SHARED = tuple(name for name in LAYOUT_VALUES if name != "preheader")
"""Values of the layout that digests with the same first paper and as many in all share."""
_CHARACTERS = "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e"
MARKS = dict(zip((*_OWN, "preheader", *SHARED, "number"), _CHARACTERS, strict=True))
"""A control character for each value that differs between readers. Encoded text holds none."""
MARKED_LINKS = DigestLinks(**{name: MARKS[name] for name in DigestLinks._fields})
MARKED_LAYOUT = {name: MARKS[name] for name in LAYOUT_VALUES}
NUMBER = MARKS["number"].encode()
_PREHEADER = len(_OWN)
_DIFFERENT = len(_OWN) + len(LAYOUT_VALUES)
_IN_AN_ATTRIBUTE = 0x10
"""What is added to a mark that stands between double quotes in a tag."""
_OWN_MARKS = [MARKS[name].encode() for name in _OWN]
_OWN_MARKS_IN_HTML = [*_OWN_MARKS, *(bytes([mark[0] + _IN_AN_ATTRIBUTE]) for mark in _OWN_MARKS)]
_ANY_MARK = re.compile(rb"([\x01-\x08\x0b\x0c\x0e\x11-\x18\x1b\x1c\x1e])")
_NEEDS_NOTHING = re.compile(rf"(?:(?!\.)[!#-%'-;?-~]{{0,{LONGEST_LINE - 1}}}(?:\n|\Z))+")
"""Lines that neither quoted-printable nor HTML changes."""


@dataclass(frozen=True, slots=True)
class EncodedPiece:
    """A compiled piece whose constants are encoded."""

    elements: tuple[bytes | Slot, ...]
    markup: bool

    def filled(self, values: Mapping[str, str]) -> bytes:
        """Return the piece with its values, encoded."""
        return b"".join(
            [
                element
                if isinstance(element, bytes)
                else _value(values[element.name], element.attribute, self.markup)
                for element in self.elements
            ]
        )


class Variants(NamedTuple):
    """Values, encoded for each kind of place where a mark can stand: in the text part, in HTML
    and in an attribute there.
    """

    text: Sequence[bytes]
    html: Sequence[bytes]
    attribute: Sequence[bytes]


class OwnValues(NamedTuple):
    """A reader's own values. `plain` says that all of them were letters and signs that mean
    nothing anywhere.
    """

    variants: Variants
    plain: bool

    @classmethod
    def of(cls, links: DigestLinks, address: str) -> "OwnValues":
        """Encode the values. `address` is a clean line."""
        values = (links.leave, links.preferences, links.view, address, links.act, links.read)
        # One look at all of them: six short texts that need no encoding are nearly always what
        # there is.
        lines = "\n".join(values)
        if _NEEDS_NOTHING.fullmatch(lines):
            encoded = [line + SOFT_BREAK for line in lines.encode("ascii").split(b"\n")]
            return cls(Variants(encoded, encoded, encoded), True)
        return cls(variants(values), False)


def variants(values: Iterable[str]) -> Variants:
    """Encode any values."""
    return Variants(
        *([_value(value, attribute, markup) for value in values] for attribute, markup in _KINDS)
    )


_KINDS = ((False, False), (False, True), (True, True))
"""Of places, in the order of `Variants`: within an attribute, within markup."""


class Between(NamedTuple):
    """What stands between the constants of a message beside its values: the head, a note to the
    reader, the papers.
    """

    head: bytes
    note_text: bytes
    papers_text: bytes
    note_html: bytes
    papers_html: bytes


def row_of_values(
    between: Between, own: Variants, preheader: Sequence[bytes], shared: Variants
) -> tuple[bytes, ...]:
    """Return all values of a message in the order that `_place` counts. `preheader` is encoded
    for each kind of place.
    """
    in_text, in_html, in_attribute = preheader
    return (
        *(*between, *own.text, in_text, *shared.text),
        *(*own.html, in_html, *shared.html),
        *(*own.attribute, in_attribute, *shared.attribute),
    )


@lru_cache(maxsize=64)
def _meaning(mark: bytes, markup: bool) -> tuple[int, int]:
    """Return which of the variants a mark stands for, and which of the values in it."""
    in_attribute = mark[0] > _IN_AN_ATTRIBUTE
    return _KINDS.index((in_attribute, markup)), _CHARACTERS.index(
        chr(mark[0] - in_attribute * _IN_AN_ATTRIBUTE)
    )


def _place(kind: int, number: int) -> int:
    """Return where in a row of values one of them stands, as `_meaning` names it."""
    return len(Between._fields) + kind * _DIFFERENT + number


class Frame:
    """All of a message but its values, cut at their places."""

    def __init__(self, elements: Sequence[bytes | int]) -> None:
        """Take the constants, and for each value its place in the row."""
        constants = [element for element in elements if isinstance(element, bytes)]
        first = len(Between._fields) + len(_KINDS) * _DIFFERENT
        places = iter(range(first, first + len(constants)))
        self._constants = tuple(constants)
        self.preheader_kinds = [
            kind for kind in range(len(_KINDS)) if _place(kind, _PREHEADER) in elements
        ]
        """The kinds of places, in the order of `Variants`, where the layout has its preview:
        nearly always one.
        """
        self._take = itemgetter(
            *(next(places) if isinstance(element, bytes) else element for element in elements)
        )

    def filled(self, values: tuple[bytes, ...]) -> bytes:
        """Return the message with a row of values."""
        return b"".join(self._take(values + self._constants))


def cut(content: bytes, *, markup: bool) -> list[bytes | int]:
    """Cut an engraved text at its marks into constants and the places of values."""
    pieces = _ANY_MARK.split(content)
    return [
        _place(*_meaning(piece, markup)) if number % 2 else piece
        for number, piece in enumerate(pieces)
        if piece
    ]


class Plate(NamedTuple):
    """Encoded parts with everything in them but a reader's own values, for which marks stand.
    Readers share plates.
    """

    text: bytes
    html: bytes

    def text_marks(self) -> set["Mark"]:
        """Return a reader's own marks in the text."""
        return {Mark(mark, *_meaning(mark, False)) for mark in _OWN_MARKS if mark in self.text}

    def html_marks(self) -> set["Mark"]:
        """Return those in the HTML."""
        return {
            Mark(mark, *_meaning(mark, True)) for mark in _OWN_MARKS_IN_HTML if mark in self.html
        }


class Mark(NamedTuple):
    """A mark for one of a reader's own values: which of the variants it stands for, and which of
    the values in it.
    """

    character: bytes
    kind: int
    number: int


@lru_cache(maxsize=8_192)
def _value(value: str, attribute: bool, markup: bool) -> bytes:
    """Return a value encoded. A digest names most of its values several times, and readers share
    many.
    """
    return quoted(escaped(value, attribute) if markup else value)


def encoded_piece(piece: Piece, *, markup: bool) -> EncodedPiece:
    """Encode a piece once for all readers. `markup` says that its values must be escaped."""
    return EncodedPiece(
        elements=tuple(
            quoted(element) if isinstance(element, str) else element for element in piece
        ),
        markup=markup,
    )


def engraved(piece: EncodedPiece, values: Mapping[str, str]) -> bytes:
    """Return the piece with its values, of which some begin with a mark."""
    content: list[bytes] = []
    for element in piece.elements:
        if isinstance(element, bytes):
            content.append(element)
            continue
        value = values[element.name]
        if value[:1] in MARKS.values():
            # A plain text has no tags: what looks like one is a sign of a paper's title, as in "n <
            # 5".
            content.append(
                bytes(
                    [
                        ord(value[0])
                        + (_IN_AN_ATTRIBUTE if element.attribute and piece.markup else 0)
                    ]
                )
            )
            value = value[1:]
        content.append(_value(value, element.attribute, piece.markup))
    return b"".join(content)


@lru_cache(maxsize=256)
def number_of(number: int) -> bytes:
    """Return a paper's number, encoded, for the mark `NUMBER`."""
    return quoted(f"{number:>2}")


def plate_of(
    text_pieces: Mapping[str, EncodedPiece],
    html_pieces: Mapping[str, EncodedPiece],
    parts: Iterable[Part],
) -> Plate:
    """Engrave parts, whose values may begin with marks."""
    pairs = [
        (engraved(text_pieces[part.key], part.values), engraved(html_pieces[part.key], part.values))
        for part in parts
    ]
    return Plate(b"".join(text for text, _ in pairs), b"".join(html for _, html in pairs))
