"""The wire form: a compiled edition as ready-encoded bytes, joined per reader into a whole message.

It says exactly what newsletter.composing.message makes of the same digest: the same headers and the same two parts, letter for letter.
Only the encoding is cut in other places, which no reader sees; tests compare the two after parsing.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from email.header import Header
from email.utils import formatdate
from functools import lru_cache

from django.core.mail.message import sanitize_address

from ingest.cleaning import one_line
from newsletter.composing.compiled import BOTTOM, TOP, CompiledParts, Piece, Slot
from newsletter.composing.content import Digest
from newsletter.composing.digest import escaped, filled, render
from newsletter.composing.headers import digest_headers
from newsletter.composing.message import refuse_control_characters, to_email_message
from newsletter.composing.parts import CARD_KINDS, Kind, Part, layout_values, parts_of
from newsletter.composing.quoted import SOFT_BREAK, quoted
from newsletter.composing.showing import shown_digest
from newsletter.composing.weight import HTML_BUDGET

REPEATING: frozenset[Kind] = frozenset({"lead", "card", "brief", "heading", "note"})
"""Parts whose values are the same for many readers: what was joined once is kept."""
PIECES_KEPT = 12_000
LONGEST_ESCAPE = 6
"""Bytes that one character of a value can take in HTML, at most: `&quot;`."""
BOUNDARY = b"=_digest_=_"
"""No quoted-printable text can hold it: there an equals sign is always followed by a hexadecimal digit or a line end."""
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class WireMail:
    """A message as it goes over the wire, lines ending in CRLF, no line beginning with a dot. `papers` are the ids it shows."""

    content: bytes
    papers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _EncodedPiece:
    """A compiled piece whose constants are encoded. `weight` counts them before encoding, in bytes."""

    elements: tuple[bytes | Slot, ...]
    names: tuple[str, ...]
    weight: int
    markup: bool

    def joined(self, values: Mapping[str, str]) -> tuple[bytes, int]:
        """Return the piece with its values, encoded, and an upper bound of its weight before."""
        weight = self.weight
        found: list[bytes] = []
        for element in self.elements:
            if isinstance(element, bytes):
                found.append(element)
            else:
                value = values[element.name]
                weight += LONGEST_ESCAPE * len(value)
                found.append(_value(value, element.attribute, self.markup))
        return b"".join(found), weight


@dataclass(slots=True)
class WireEdition:
    """A compiled edition made ready for the wire. A worker keeps one for each edition and language it sends."""

    compiled: CompiledParts
    text: Mapping[str, _EncodedPiece]
    html: Mapping[str, _EncodedPiece]
    head: bytes
    _kept: dict[tuple[bool, str, tuple[str, ...]], tuple[bytes, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, compiled: CompiledParts) -> "WireEdition":
        """Encode every piece of the edition once."""
        return cls(
            compiled,
            text={key: _encoded(piece, markup=False) for key, piece in compiled.text.items()},
            html={key: _encoded(piece, markup=True) for key, piece in compiled.html.items()},
            head=_constant_head(compiled),
        )

    def mail(self, digest: Digest, timestamp: float) -> WireMail:
        """Return one reader's message. `timestamp` is the Unix time of its Date header.

        Raises:
            UnknownPaper, HeaderTooLong, BadHeader: as the other ways of composing.
        """
        compiled = self.compiled
        refuse_control_characters({"To": digest.address})
        shown = shown_digest(digest, compiled.facts, compiled.dropped)
        layout = layout_values(compiled.facts, shown)
        parts = parts_of(compiled.facts, shown)
        own = frozenset[Kind](CARD_KINDS if digest.links.read else ())
        html, weight = self._body(self.html, layout, parts, own)
        if weight > HTML_BUDGET:
            return self._plainly(digest, timestamp)
        text, _ = self._body(self.text, layout, parts, own)
        head = self._head(shown, filled(compiled.subject, layout), timestamp)
        content = b"".join((head, _TEXT_HEAD, text, _HTML_HEAD, html, _END))
        return WireMail(content, tuple(pick.paper_id for pick in shown.picks))

    def _plainly(self, digest: Digest, timestamp: float) -> WireMail:
        """Compose a digest that may be too heavy the slow way, which weighs it exactly and cuts what is too much."""
        rendered = render(self.compiled, digest)
        rendered = replace(rendered, headers={**rendered.headers, "Date": _date(timestamp)})
        content = bytes(to_email_message(rendered, digest.address).message().as_bytes(linesep="\r\n"))
        return WireMail(content, rendered.papers)

    def _body(
        self, pieces: Mapping[str, _EncodedPiece], layout: Mapping[str, str], parts: Sequence[Part], own: Set[Kind]
    ) -> tuple[bytes, int]:
        """Join the parts. `own` are kinds that hold something of this delivery alone, so that keeping them would be in vain."""
        joined = [
            pieces[TOP].joined(layout),
            *(
                self._repeating(pieces[part.key], part) if part.kind in REPEATING - own else pieces[part.key].joined(part.values)
                for part in parts
            ),
            pieces[BOTTOM].joined(layout),
        ]
        return b"".join(content for content, _ in joined).removesuffix(SOFT_BREAK), sum(weight for _, weight in joined)

    def _repeating(self, piece: _EncodedPiece, part: Part) -> tuple[bytes, int]:
        key = (piece.markup, part.key, tuple([part.values[name] for name in piece.names]))
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= PIECES_KEPT:
                self._kept.clear()
            kept = self._kept[key] = piece.joined(part.values)
        return kept

    def _head(self, digest: Digest, subject: str, timestamp: float) -> bytes:
        headers = digest_headers(self.compiled.publication, self.compiled.facts, digest)
        refuse_control_characters(headers)
        lines = [f"{name}: {_folded(value)}" for name, value in headers.items()]
        own = f"Subject: {_subject(one_line(subject))}\r\nTo: {_recipient(digest.address)}\r\nDate: {_date(timestamp)}\r\n"
        return b"".join((self.head, own.encode("ascii"), "\r\n".join(lines).encode("ascii"), b"\r\n\r\n"))


@lru_cache(maxsize=8_192)
def _value(value: str, attribute: bool, markup: bool) -> bytes:
    """Return a value encoded. A digest names most of its values several times, and readers share many."""
    return quoted(escaped(value, attribute) if markup else value)


def _encoded(piece: Piece, *, markup: bool) -> _EncodedPiece:
    return _EncodedPiece(
        elements=tuple(quoted(element) if isinstance(element, str) else element for element in piece),
        names=tuple(dict.fromkeys(element.name for element in piece if isinstance(element, Slot))),
        weight=sum(len(element.encode()) for element in piece if isinstance(element, str)),
        markup=markup,
    )


def _constant_head(compiled: CompiledParts) -> bytes:
    """Return the headers that all readers share, as Django would write the sender's."""
    publication = compiled.publication
    lines = [f"From: {sanitize_address(publication.sender, 'utf-8')}"]
    if publication.reply_to:
        lines.append(f"Reply-To: {sanitize_address(publication.reply_to, 'utf-8')}")
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{BOUNDARY.decode()}"']
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


@lru_cache(maxsize=4_096)
def _subject(subject: str) -> str:
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, header_name="Subject").encode(linesep="\r\n")


def _recipient(address: str) -> str:
    return address if _PLAIN_ADDRESS.fullmatch(address) else sanitize_address(address, "utf-8")


@lru_cache(maxsize=16)
def _date(timestamp: float) -> str:
    return formatdate(timestamp)


def _folded(value: str) -> str:
    """Break a long header where a list of links may be broken; a link itself stays whole."""
    return value.replace(", ", ",\r\n ") if len(value) > 60 else value


def _part_head(kind: bytes) -> bytes:
    return (
        b"--" + BOUNDARY + b"\r\nContent-Type: text/" + kind + b'; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    )


_TEXT_HEAD = _part_head(b"plain")
_HTML_HEAD = b"\r\n" + _part_head(b"html")
_END = b"\r\n--" + BOUNDARY + b"--\r\n"
