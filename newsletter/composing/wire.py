"""The wire form: a compiled edition as ready-encoded bytes, joined per reader into a whole message.

It says exactly what newsletter.composing.message makes of the same digest: the same headers and the
same two parts, letter for letter. Only the encoding is cut in other places, which no reader sees;
tests compare the two after parsing.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.header import Header
from email.utils import formatdate
from functools import lru_cache
from itertools import count
from operator import itemgetter
from typing import NamedTuple

from django.core.mail.message import sanitize_address

from ingest.cleaning import one_line
from newsletter.composing.compiled import BOTTOM, TOP, CompiledParts
from newsletter.composing.content import Digest, DigestPick
from newsletter.composing.digest import filled, render
from newsletter.composing.headers import edition_headers, own_headers
from newsletter.composing.message import refuse_control_characters, to_email_message
from newsletter.composing.parts import (
    Part,
    closing_parts,
    heading_of,
    heading_part,
    layout_values,
    note_part,
    opening_parts,
    pick_parts,
    preheader_pieces,
)
from newsletter.composing.plates import (
    MARKED_LAYOUT,
    MARKED_LINKS,
    MARKS,
    NUMBER,
    PLAIN_ADDRESS,
    SHARED,
    Between,
    EncodedPiece,
    Frame,
    Mark,
    OwnValues,
    Plate,
    Variants,
    cut,
    encoded_piece,
    engraved,
    number_of,
    plate_of,
    row_of_values,
    variants,
)
from newsletter.composing.quoted import SOFT_BREAK
from newsletter.composing.showing import left_out, shown_line, shown_pick
from newsletter.composing.weight import HTML_BUDGET

CARDS_KEPT = 16_384
"""Some 4 kB each. Of 20,000 readers with 30 topics and 200 papers 3,000 different cards were
asked for.
"""
SAYINGS_KEPT = 16_384
"""Titles and other pieces of previews, some hundred bytes each."""
BOUNDARY = b"=_digest_=_"
"""No quoted-printable text can hold it: there an equals sign is always followed by a hexadecimal
digit or a line end.
"""


class WireMail(NamedTuple):
    """A message as `dotted` writes it. `papers` are the ids it shows."""

    dotted: bytes
    papers: tuple[int, ...]

    @property
    def content(self) -> bytes:
        """The message itself: lines end in CRLF."""
        return _TWO_DOTS.sub(b".", self.dotted.removesuffix(_LONE_DOT))


_LONE_DOT = b".\r\n"
_DOT = re.compile(rb"(?m)^\.")
_TWO_DOTS = re.compile(rb"(?m)^\.\.")


def dotted(content: bytes) -> bytes:
    """Return a message as SMTP takes it: dots that begin a line are doubled, and the last line
    is a lone one (RFC 5321 section 4.5.2).
    """
    if content.startswith(b".") or b"\n." in content:
        content = _DOT.sub(b"..", content)
    return content + (b"" if content.endswith(b"\r\n") else b"\r\n") + _LONE_DOT


class _Card(NamedTuple):
    """A paper as it is shown for some reasons, and the heading that it stands under. The text is
    cut where the number goes.
    """

    paper_id: int
    pick: DigestPick
    heading: Plate
    text: Sequence[bytes]
    html: bytes


_NO_HEADING = Plate(b"", b"")
_PAPER = itemgetter(_Card._fields.index("paper_id"))


class _Layout(NamedTuple):
    """What the layout says to readers with the same first paper and as many in all: the
    subject's line, and the values.
    """

    subject: str
    values: Variants


@dataclass(slots=True)
class _Cards:
    """The cards of digests with the same kinds of links. `text_marks` and `html_marks` are those
    that any of them holds.
    """

    act: bool
    read: bool
    by_identity: dict[int, _Card] = field(default_factory=dict)
    """By the pick's id, which saves the hash of its texts ten times a digest. A card keeps its
    pick alive.
    """
    below: dict[tuple[str, int], Plate] = field(default_factory=dict)
    text_marks: frozenset[Mark] = frozenset()
    html_marks: frozenset[Mark] = frozenset()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note_marks(self, plate: Plate) -> None:
        """Remember the marks of a new plate. Other threads, which may be going through the sets,
        keep those that they have.
        """
        with self.lock:
            self.text_marks |= plate.text_marks()
            self.html_marks |= plate.html_marks()


@dataclass(slots=True)
class WireEdition:
    """A compiled edition made ready for the wire. A worker keeps one for each edition and
    language it sends.
    """

    compiled: CompiledParts
    text: Mapping[str, EncodedPiece]
    html: Mapping[str, EncodedPiece]
    head: bytes
    dropped: frozenset[int]
    _cards: dict[tuple[bool, bool], _Cards] = field(default_factory=dict)
    _headings: dict[str, Plate] = field(default_factory=lambda: {"": _NO_HEADING})
    _frames: dict[bool, Frame] = field(default_factory=dict)
    _layouts: dict[tuple[bool, int, tuple[int, ...]], _Layout] = field(default_factory=dict)
    _sayings: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

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
        address, links = digest.address, digest.links
        recipient = address
        if not PLAIN_ADDRESS.fullmatch(address):
            refuse_control_characters({"To": address})
            recipient, address = sanitize_address(address, "utf-8"), shown_line(address)
        if self.dropped:
            digest = digest._replace(
                picks=tuple([pick for pick in digest.picks if pick.paper_id not in self.dropped])
            )
        known = self._cards.get((bool(links.act), bool(links.read))) or self._no_cards(
            bool(links.act), bool(links.read)
        )
        cards = self._cards_of(digest.picks, known)
        papers = tuple(map(_PAPER, cards))
        layout = self._layouts.get((digest.first, len(papers), papers[:1])) or self._make_layout(
            digest, papers
        )
        own = OwnValues.of(links, address)
        text, html = self._papers(cards, known, own.variants)
        note = shown_line(digest.note) if digest.note else ""
        note_text, note_html = self._note(note) if note else (b"", b"")
        head = self._head(digest, layout.subject, recipient, timestamp, plain=own.plain)
        between = Between(head, note_text, text, note_html, html)
        frame = self._frames.get(digest.first) or self._make_frame(digest.first)
        preheader = self._preheader(papers, frame.preheader_kinds)
        whole = frame.filled(row_of_values(between, own.variants, preheader, layout.values))
        # Encoding only ever adds to a text, and all but the cards of the plain text is little.
        if len(whole) - len(text) > HTML_BUDGET:
            return self._plainly(digest, timestamp)
        return WireMail(whole, papers)

    def _plainly(self, digest: Digest, timestamp: float) -> WireMail:
        """Compose a digest that may be too heavy the slow way, which weighs it exactly and cuts
        what is too much.
        """
        rendered = render(self.compiled, digest)
        rendered = replace(rendered, headers={**rendered.headers, "Date": _date(timestamp)})
        content = bytes(
            to_email_message(rendered, digest.address).message().as_bytes(linesep="\r\n")
        )
        return WireMail(dotted(content), rendered.papers)

    def _papers(self, cards: Sequence[_Card], known: _Cards, own: Variants) -> tuple[bytes, bytes]:
        """Return the cards with their headings, as text and as HTML."""
        texts: list[bytes] = []
        htmls: list[bytes] = []
        above = _NO_HEADING
        for (_, _, heading, pieces, drawn), numeral in zip(
            cards, map(number_of, count(1)), strict=False
        ):
            if heading is not above:
                above = heading
                texts.append(heading.text)
                htmls.append(heading.html)
            texts.append(numeral.join(pieces))
            htmls.append(drawn)
        text, html = b"".join(texts), b"".join(htmls)
        for character, kind, number in known.text_marks:
            text = text.replace(character, own[kind][number])
        for character, kind, number in known.html_marks:
            html = html.replace(character, own[kind][number])
        return text, html

    def _note(self, note: str) -> tuple[bytes, bytes]:
        """Return a note to the reader, as text and as HTML."""
        part = note_part(note)
        return self.text[part.key].filled(part.values), self.html[part.key].filled(part.values)

    def _no_cards(self, act: bool, read: bool) -> _Cards:
        self._cards[act, read] = made = _Cards(act, read)
        return made

    def _cards_of(self, picks: Sequence[DigestPick], known: _Cards) -> Sequence[_Card]:
        """Return the cards, nearly always of picks that were met before."""
        try:
            return [*map(known.by_identity.__getitem__, map(id, picks))]
        except KeyError:
            return [known.by_identity.get(id(pick)) or self._card(pick, known) for pick in picks]

    def _card(self, pick: DigestPick, known: _Cards) -> _Card:
        """Return the card of a pick that was not met as this object yet."""
        if len(known.by_identity) >= CARDS_KEPT:
            known.by_identity.clear()
        known.by_identity[id(pick)] = card = self._make_card(pick, known)
        return card

    def _make_card(self, pick: DigestPick, known: _Cards) -> _Card:
        """Encode a paper with the reasons it is given for; other readers get it for the same
        ones.
        """
        facts = self.compiled.facts
        shown = shown_pick(pick, facts)
        links = MARKED_LINKS._replace(
            act=MARKED_LINKS.act if known.act else "", read=MARKED_LINKS.read if known.read else ""
        )
        card, below = pick_parts(facts, shown, MARKS["number"], links)
        upper = plate_of(self.text, self.html, [card])
        lower = known.below.get((below.kind, pick.paper_id)) or self._make_below(
            below, pick.paper_id, known
        )
        known.note_marks(upper)
        heading = heading_of(facts, shown)
        above = self._headings.get(heading) or self._make_heading(heading)
        return _Card(
            pick.paper_id,
            pick,
            above,
            (upper.text + lower.text).split(NUMBER),
            upper.html + lower.html,
        )

    def _make_below(self, below: Part, paper_id: int, known: _Cards) -> Plate:
        """Encode what stands under a paper's card, whatever it is given for."""
        made = plate_of(self.text, self.html, [below])
        known.note_marks(made)  # before another thread can find it
        known.below[below.kind, paper_id] = made
        return made

    def _make_heading(self, heading: str) -> Plate:
        """Encode a heading; there are as many as topics. Each is one object, by which cards
        under it are known to share it.
        """
        return self._headings.setdefault(
            heading, plate_of(self.text, self.html, [heading_part(heading)])
        )

    def _make_layout(self, digest: Digest, papers: tuple[int, ...]) -> _Layout:
        """Encode what the layout says to all whose digests begin with the same paper."""
        said = layout_values(self.compiled.facts, digest)
        made = _Layout(
            _subject(filled(self.compiled.subject, said)), variants([said[name] for name in SHARED])
        )
        self._layouts[digest.first, len(papers), papers[:1]] = made
        return made

    def _preheader(self, papers: Sequence[int], kinds: Sequence[int]) -> list[bytes]:
        """Return the preview, encoded for each kind of place; only the kinds that are used are
        worked out.
        """
        known, encoded = self._sayings, [b"", b"", b""]
        pieces = [
            known.get(piece) or self._encode(piece)
            for piece in preheader_pieces(self.compiled.facts, papers)
        ]
        for kind in kinds:
            encoded[kind] = b"".join([piece[kind] for piece in pieces])
        return encoded

    def _encode(self, piece: str) -> tuple[bytes, ...]:
        """Encode a title or another piece of a preview."""
        if len(self._sayings) >= SAYINGS_KEPT:
            self._sayings.clear()
        self._sayings[piece] = made = tuple(kind[0] for kind in variants([piece]))
        return made

    def _make_frame(self, first: bool) -> Frame:
        """Cut the whole message, in which marks stand for all that differs, into constants and
        places.
        """
        facts = self.compiled.facts
        digest = Digest(facts.edition_id, 0, 0, MARKS["address"], (), MARKED_LINKS, "", first=first)
        opening = plate_of(self.text, self.html, opening_parts(facts, digest))
        closing = plate_of(self.text, self.html, closing_parts(facts, digest))
        text_top, text_bottom = (
            engraved(self.text[place], MARKED_LAYOUT) for place in (TOP, BOTTOM)
        )
        html_top, html_bottom = (
            engraved(self.html[place], MARKED_LAYOUT) for place in (TOP, BOTTOM)
        )
        place = Between._fields.index
        self._frames[first] = made = Frame(
            [
                self.head,
                place("head"),
                _TEXT_HEAD,
                *cut(text_top + opening.text, markup=False),
                place("note_text"),
                place("papers_text"),
                *cut((closing.text + text_bottom).removesuffix(SOFT_BREAK), markup=False),
                _HTML_HEAD,
                *cut(html_top + opening.html, markup=True),
                place("note_html"),
                place("papers_html"),
                *cut((closing.html + html_bottom).removesuffix(SOFT_BREAK), markup=True),
                _END,
            ]
        )
        return made

    def _head(
        self, digest: Digest, subject: str, recipient: str, timestamp: float, *, plain: bool
    ) -> bytes:
        """Return the headers that are the reader's own. `plain`: address and links are known to
        hold nothing but usual characters.
        """
        own = own_headers(self.compiled.publication, self.compiled.facts, digest)
        if not plain:
            refuse_control_characters(own)
        lines = [f"{name}: {_folded(value)}\r\n" for name, value in own.items()]
        first = f"{subject}\r\nTo: {recipient}\r\nDate: {_date(timestamp)}\r\n"
        return f"{first}{''.join(lines)}\r\n".encode("ascii")


def _constant_head(compiled: CompiledParts) -> bytes:
    """Return the headers that all readers share, as Django would write the sender's."""
    publication = compiled.publication
    lines = [f"From: {sanitize_address(publication.sender, 'utf-8')}"]
    if publication.reply_to:
        lines.append(f"Reply-To: {sanitize_address(publication.reply_to, 'utf-8')}")
    shared = edition_headers(publication, compiled.facts)
    refuse_control_characters(shared)
    lines += [f"{name}: {_folded(value)}" for name, value in shared.items()]
    lines += [
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{BOUNDARY.decode()}"',
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


@lru_cache(maxsize=4_096)
def _subject(subject: str) -> str:
    """Return the subject's whole line, without its end."""
    subject = one_line(subject)
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return "Subject: " + Header(subject, charset, header_name="Subject").encode(linesep="\r\n")


@lru_cache(maxsize=16)
def _date(timestamp: float) -> str:
    return formatdate(timestamp)


def _folded(value: str) -> str:
    """Break a long header where a list of links may be broken; a link itself stays whole."""
    return value.replace(", ", ",\r\n ") if len(value) > 60 else value


def _part_head(kind: bytes) -> bytes:
    return (
        b"--"
        + BOUNDARY
        + b"\r\nContent-Type: text/"
        + kind
        + b'; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    )


_TEXT_HEAD = _part_head(b"plain")
_HTML_HEAD = b"\r\n" + _part_head(b"html")
_END = b"\r\n--" + BOUNDARY + b"--\r\n" + _LONE_DOT
