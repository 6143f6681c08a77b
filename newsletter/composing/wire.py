"""The wire form: a compiled edition as ready-encoded bytes, joined per reader into a whole message.

It says exactly what newsletter.composing.message makes of the same digest: the same headers and the same two parts, letter for letter.
Only the encoding is cut in other places, which no reader sees; tests compare the two after parsing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.header import Header
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

from django.core.mail.message import sanitize_address

from ingest.cleaning import one_line
from newsletter.composing.compiled import BOTTOM, TOP, CompiledParts
from newsletter.composing.content import Digest, DigestPick
from newsletter.composing.digest import filled, render
from newsletter.composing.headers import edition_headers, own_headers
from newsletter.composing.message import refuse_control_characters, to_email_message
from newsletter.composing.parts import Part, closing_parts, heading_of, heading_part, layout_values, opening_parts, pick_parts
from newsletter.composing.plates import (
    LONGEST_ESCAPE,
    MARKED_LINKS,
    MARKS,
    NUMBER,
    PLAIN_ADDRESS,
    EncodedPiece,
    OwnValues,
    Plate,
    encoded_piece,
    end_encoding,
    number_of,
    plate_of,
    with_values,
)
from newsletter.composing.showing import left_out, shown_line, shown_pick
from newsletter.composing.weight import HTML_BUDGET

CARDS_KEPT = 8_192
"""Some 4 kB each. Of 20,000 readers with 30 topics and 200 papers 3,000 different cards were asked for."""
BOUNDARY = b"=_digest_=_"
"""No quoted-printable text can hold it: there an equals sign is always followed by a hexadecimal digit or a line end."""


@dataclass(frozen=True, slots=True)
class WireMail:
    """A message as it goes over the wire, lines ending in CRLF. `papers` are the ids it shows."""

    content: bytes
    papers: tuple[int, ...]
    may_begin_lines_with_dots: bool = False


class _Card(NamedTuple):
    """A paper as it is shown for some reasons, and the heading that it stands under."""

    paper_id: int
    heading: str
    plate: Plate


@dataclass(slots=True)
class WireEdition:
    """A compiled edition made ready for the wire. A worker keeps one for each edition and language it sends."""

    compiled: CompiledParts
    text: Mapping[str, EncodedPiece]
    html: Mapping[str, EncodedPiece]
    head: bytes
    dropped: frozenset[int]
    _cards: dict[tuple[bool, bool], dict[DigestPick, _Card]] = field(default_factory=dict)
    _text_marks: set[bytes] = field(default_factory=set)
    _html_marks: set[bytes] = field(default_factory=set)
    _headings: dict[str, Plate] = field(default_factory=dict)
    _frames: dict[bool, tuple[Plate, Plate]] = field(default_factory=dict)

    @classmethod
    def of(cls, compiled: CompiledParts) -> "WireEdition":
        """Encode every piece of the edition once."""
        return cls(
            compiled,
            text={key: encoded_piece(piece, markup=False) for key, piece in compiled.text.items()},
            html={key: encoded_piece(piece, markup=True) for key, piece in compiled.html.items()},
            head=_constant_head(compiled),
            dropped=left_out(compiled.dropped),
        )

    def mail(self, digest: Digest, timestamp: float) -> WireMail:
        """Return one reader's message. `timestamp` is the Unix time of its Date header.

        Raises:
            UnknownPaper, HeaderTooLong, BadHeader: as the other ways of composing.
        """
        address = digest.address
        if not PLAIN_ADDRESS.fullmatch(address):
            refuse_control_characters({"To": address})
            address = shown_line(address)
        if self.dropped:
            digest = replace(digest, picks=tuple([pick for pick in digest.picks if pick.paper_id not in self.dropped]))
        compiled, links = self.compiled, digest.links
        layout = layout_values(compiled.facts, digest)
        cards = self._cards_of(digest.picks, bool(links.act), bool(links.read))
        body = self._body(layout, digest, cards, OwnValues.of(links, address))
        if body is None:
            return self._plainly(digest, timestamp)
        head = self._head(digest, filled(compiled.subject, layout), timestamp)
        return WireMail(b"".join((self.head, head, *body)), tuple([card.paper_id for card in cards]))

    def _plainly(self, digest: Digest, timestamp: float) -> WireMail:
        """Compose a digest that may be too heavy the slow way, which weighs it exactly and cuts what is too much."""
        rendered = render(self.compiled, digest)
        rendered = replace(rendered, headers={**rendered.headers, "Date": _date(timestamp)})
        content = bytes(to_email_message(rendered, digest.address).message().as_bytes(linesep="\r\n"))
        return WireMail(content, rendered.papers, may_begin_lines_with_dots=True)

    def _body(self, layout: Mapping[str, str], digest: Digest, cards: Sequence[_Card], own: OwnValues) -> Sequence[bytes] | None:
        """Return both parts of the message, in pieces; None when the HTML may be over its budget."""
        opening, closing = self._frames.get(digest.first) or self._make_frames(digest.first)
        text, html, weight = self._papers(cards, own)
        weight += opening.weight + closing.weight + (opening.marks + closing.marks) * LONGEST_ESCAPE * own.longest
        above_text: list[bytes] = []
        above_html: list[bytes] = []
        self.text[TOP].append_to(above_text, layout)
        weight += self.html[TOP].append_to(above_html, layout)
        above_text.append(with_values(opening.text, opening.text_marks, own.text))
        above_html.append(with_values(opening.html, opening.html_marks, own.html))
        if digest.note:
            weight += self._add_note(above_text, above_html, digest)
        below_text = [with_values(closing.text, closing.text_marks, own.text)]
        below_html = [with_values(closing.html, closing.html_marks, own.html)]
        self.text[BOTTOM].append_to(below_text, layout)
        weight += self.html[BOTTOM].append_to(below_html, layout)
        if weight > HTML_BUDGET:
            return None
        end_encoding(below_text)
        end_encoding(below_html)
        return _TEXT_HEAD, *above_text, text, *below_text, _HTML_HEAD, *above_html, html, *below_html, _END

    def _papers(self, cards: Sequence[_Card], own: OwnValues) -> tuple[bytes, bytes, int]:
        """Return the cards with their headings as text and as HTML, and an upper bound of what the HTML weighs."""
        text: list[bytes] = []
        html: list[bytes] = []
        weight, heading_before, longest = 0, "", LONGEST_ESCAPE * own.longest
        for number, (_, heading, plate) in enumerate(cards, start=1):
            if heading and heading != heading_before:
                above = self._headings.get(heading) or self._make_heading(heading)
                text.append(above.text)
                html.append(above.html)
                weight += above.weight
            heading_before = heading
            text.append(plate.text.replace(NUMBER, number_of(number)))
            html.append(plate.html)
            weight += plate.weight + plate.marks * longest
        in_text, in_html = with_values(b"".join(text), self._text_marks, own.text), with_values(b"".join(html), self._html_marks, own.html)
        return in_text, in_html, weight

    def _add_note(self, text: list[bytes], html: list[bytes], digest: Digest) -> int:
        note = opening_parts(self.compiled.facts, replace(digest, note=shown_line(digest.note)))[-1]
        self.text[note.key].append_to(text, note.values)
        return self.html[note.key].append_to(html, note.values)

    def _cards_of(self, picks: Sequence[DigestPick], act: bool, read: bool) -> list[_Card]:
        known = self._cards.setdefault((act, read), {})
        return [known.get(pick) or self._make_card(pick, act, read) for pick in picks]

    def _make_card(self, pick: DigestPick, act: bool, read: bool) -> _Card:
        """Encode a paper with the reasons it is given for; other readers get it for the same ones."""
        facts = self.compiled.facts
        shown = shown_pick(pick, facts)
        links = replace(MARKED_LINKS, act=MARKED_LINKS.act if act else "", read=MARKED_LINKS.read if read else "")
        card = _Card(pick.paper_id, heading_of(facts, shown), self._plate(pick_parts(facts, shown, MARKS["number"], links)))
        self._text_marks |= card.plate.text_marks
        self._html_marks |= card.plate.html_marks
        known = self._cards[act, read]
        if len(known) >= CARDS_KEPT:
            known.clear()
        known[pick] = card
        return card

    def _make_heading(self, heading: str) -> Plate:
        """Encode a heading; there are as many as topics."""
        self._headings[heading] = made = self._plate([heading_part(heading)])
        return made

    def _make_frames(self, first: bool) -> tuple[Plate, Plate]:
        """Encode what stands before the papers and after them."""
        digest = Digest(self.compiled.facts.edition_id, 0, 0, MARKS["address"], (), MARKED_LINKS, "", first=first)
        facts = self.compiled.facts
        self._frames[first] = made = (
            self._plate(opening_parts(facts, digest)),
            self._plate(closing_parts(facts, digest)),
        )
        return made

    def _plate(self, parts: Sequence[Part]) -> Plate:
        return plate_of(self.text, self.html, parts)

    def _head(self, digest: Digest, subject: str, timestamp: float) -> bytes:
        own = own_headers(self.compiled.publication, self.compiled.facts, digest)
        refuse_control_characters(own)
        lines = [f"Subject: {_subject(subject)}", f"To: {_recipient(digest.address)}", f"Date: {_date(timestamp)}"]
        lines += [f"{name}: {_folded(value)}" for name, value in own.items()]
        return "\r\n".join((*lines, "", "")).encode("ascii")


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
    subject = one_line(subject)
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, header_name="Subject").encode(linesep="\r\n")


def _recipient(address: str) -> str:
    return address if PLAIN_ADDRESS.fullmatch(address) else sanitize_address(address, "utf-8")


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
