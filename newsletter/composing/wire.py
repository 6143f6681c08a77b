"""The wire form: a compiled edition as ready-encoded bytes, joined per reader into a whole message.

It says exactly what newsletter.composing.message makes of the same digest: the same headers and the same two parts, letter for letter.
Only the encoding is cut in other places, which no reader sees; tests compare the two after parsing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.header import Header
from email.utils import formatdate
from functools import lru_cache

from django.core.mail.message import sanitize_address

from ingest.cleaning import one_line
from newsletter.composing.compiled import BOTTOM, TOP, CompiledParts, Piece, Slot
from newsletter.composing.content import Digest, DigestLinks, DigestPick
from newsletter.composing.digest import escaped, filled, render
from newsletter.composing.headers import edition_headers, own_headers
from newsletter.composing.message import refuse_control_characters, to_email_message
from newsletter.composing.parts import Part, closing_parts, heading_of, heading_part, layout_values, opening_parts, pick_parts
from newsletter.composing.quoted import SOFT_BREAK, quoted
from newsletter.composing.showing import shown_digest
from newsletter.composing.weight import HTML_BUDGET

CARDS_KEPT = 20_000
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
class _Groups:
    """Encoded pieces with values filled in, except those that differ within a digest or from reader to reader.

    `first`, then for each of `rest` the named value and the bytes behind it. What readers share is shared here too: the same objects,
    not copies. `weight` counts all but the open values, in bytes before encoding.
    """

    first: tuple[bytes, ...]
    rest: tuple[tuple[str, tuple[bytes, ...]], ...]
    weight: int

    def append_to(self, content: list[bytes], values: Mapping[str, bytes]) -> None:
        content += self.first
        for name, group in self.rest:
            content.append(values[name])
            content += group


@dataclass(frozen=True, slots=True)
class _EncodedPiece:
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


@dataclass(slots=True)
class WireEdition:
    """A compiled edition made ready for the wire. A worker keeps one for each edition and language it sends."""

    compiled: CompiledParts
    text: Mapping[str, _EncodedPiece]
    html: Mapping[str, _EncodedPiece]
    head: bytes
    _cards: dict[tuple[DigestPick, bool, bool], tuple[_Groups, _Groups]] = field(default_factory=dict)
    _headings: dict[str, tuple[_Groups, _Groups]] = field(default_factory=dict)

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
        text: list[bytes] = []
        html: list[bytes] = []
        weight = self._fill(text, html, layout, shown)
        if weight > HTML_BUDGET:
            return self._plainly(digest, timestamp)
        head = self._head(shown, filled(compiled.subject, layout), timestamp)
        content = b"".join((head, _TEXT_HEAD, _joined(text), _HTML_HEAD, _joined(html), _END))
        return WireMail(content, tuple([pick.paper_id for pick in shown.picks]))

    def _plainly(self, digest: Digest, timestamp: float) -> WireMail:
        """Compose a digest that may be too heavy the slow way, which weighs it exactly and cuts what is too much."""
        rendered = render(self.compiled, digest)
        rendered = replace(rendered, headers={**rendered.headers, "Date": _date(timestamp)})
        content = bytes(to_email_message(rendered, digest.address).message().as_bytes(linesep="\r\n"))
        return WireMail(content, rendered.papers)

    def _fill(self, text: list[bytes], html: list[bytes], layout: Mapping[str, str], digest: Digest) -> int:
        """Put the encoded digest into both lists, and return an upper bound of what the HTML weighs."""
        facts = self.compiled.facts
        self.text[TOP].append_to(text, layout)
        weight = self.html[TOP].append_to(html, layout)
        weight += self._fill_parts(text, html, opening_parts(facts, digest))
        weight += self._fill_cards(text, html, digest)
        weight += self._fill_parts(text, html, closing_parts(facts, digest))
        self.text[BOTTOM].append_to(text, layout)
        return weight + self.html[BOTTOM].append_to(html, layout)

    def _fill_parts(self, text: list[bytes], html: list[bytes], parts: Sequence[Part]) -> int:
        weight = 0
        for part in parts:
            self.text[part.key].append_to(text, part.values)
            weight += self.html[part.key].append_to(html, part.values)
        return weight

    def _fill_cards(self, text: list[bytes], html: list[bytes], digest: Digest) -> int:
        facts, links, weight, heading_before = self.compiled.facts, digest.links, 0, ""
        in_text = {name: _value(value, attribute=False, markup=False) for name, value in _own_values(links)}
        in_html = {name: _value(value, attribute=True, markup=True) for name, value in _own_values(links)}
        for place, pick in enumerate(digest.picks):
            heading = heading_of(facts, pick)
            if heading and heading != heading_before:
                heading_text, heading_html = self._headings.get(heading) or self._make_heading(heading)
                text += heading_text.first
                html += heading_html.first
                weight += heading_html.weight
            heading_before = heading
            card_text, card_html = self._cards.get((pick, bool(links.act), bool(links.read))) or self._make_card(pick, links)
            in_text["number"] = in_html["number"] = _number(place + 1)
            card_text.append_to(text, in_text)
            card_html.append_to(html, in_html)
            weight += card_html.weight + LONGEST_ESCAPE * sum([len(in_html[name]) for name, _ in card_html.rest])
        return weight

    def _make_card(self, pick: DigestPick, links: DigestLinks) -> tuple[_Groups, _Groups]:
        """Encode a paper with the reasons it is given for; other readers get it for the same ones."""
        own = dict(_own_values(links)) | {"number": ""}
        parts = pick_parts(self.compiled.facts, pick, "", links)
        card = _grouped(self.text, parts, own), _grouped(self.html, parts, own)
        if len(self._cards) >= CARDS_KEPT:
            self._cards.clear()
        self._cards[pick, bool(links.act), bool(links.read)] = card
        return card

    def _make_heading(self, heading: str) -> tuple[_Groups, _Groups]:
        """Encode a heading; there are as many as topics."""
        parts = [heading_part(heading)]
        self._headings[heading] = made = _grouped(self.text, parts, {}), _grouped(self.html, parts, {})
        return made

    def _head(self, digest: Digest, subject: str, timestamp: float) -> bytes:
        own = own_headers(self.compiled.publication, self.compiled.facts, digest)
        refuse_control_characters(own)
        lines = [f"Subject: {_subject(one_line(subject))}", f"To: {_recipient(digest.address)}", f"Date: {_date(timestamp)}"]
        lines += [f"{name}: {_folded(value)}" for name, value in own.items()]
        return b"".join((self.head, "\r\n".join(lines).encode("ascii"), b"\r\n\r\n"))


def _own_values(links: DigestLinks) -> list[tuple[str, str]]:
    """Return the values in cards that belong to the reader alone: those that are there, by name."""
    return [(name, value) for name, value in (("act", links.act), ("read", links.read)) if value]


def _grouped(pieces: Mapping[str, _EncodedPiece], parts: Sequence[Part], own: Mapping[str, str]) -> _Groups:
    """Fill the parts' pieces, except for values that begin with one of a reader's `own`: of these only what follows is filled in."""
    groups: list[tuple[str, list[bytes]]] = [("", [])]
    weight = 0
    for part in parts:
        piece = pieces[part.key]
        weight += piece.weight
        for element in piece.elements:
            if isinstance(element, bytes):
                groups[-1][1].append(element)
                continue
            value = part.values[element.name]
            if element.name in own:
                groups.append((element.name, []))
                value = value.removeprefix(own[element.name])
            weight += LONGEST_ESCAPE * len(value)
            groups[-1][1].append(_value(value, element.attribute, piece.markup))
    (_, first), *rest = groups
    return _Groups(tuple(first), tuple((name, tuple(filter(None, group))) for name, group in rest), weight)


def _joined(content: list[bytes]) -> bytes:
    return b"".join(content).removesuffix(SOFT_BREAK)


@lru_cache(maxsize=256)
def _number(number: int) -> bytes:
    return quoted(f"{number:>2}")


@lru_cache(maxsize=8_192)
def _value(value: str, attribute: bool, markup: bool) -> bytes:
    """Return a value encoded. A digest names most of its values several times, and readers share many."""
    return quoted(escaped(value, attribute) if markup else value)


def _encoded(piece: Piece, *, markup: bool) -> _EncodedPiece:
    return _EncodedPiece(
        elements=tuple(quoted(element) if isinstance(element, str) else element for element in piece),
        weight=sum(len(element.encode()) for element in piece if isinstance(element, str)),
        markup=markup,
    )


def _constant_head(compiled: CompiledParts) -> bytes:
    """Return the headers that all readers share, as Django would write the sender's."""
    publication = compiled.publication
    lines = [f"From: {sanitize_address(publication.sender, 'utf-8')}"]
    if publication.reply_to:
        lines.append(f"Reply-To: {sanitize_address(publication.reply_to, 'utf-8')}")
    shared = edition_headers(publication, compiled.facts)
    refuse_control_characters(shared)
    lines += [f"{name}: {_folded(value)}" for name, value in shared.items()]
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
