"""The compiled edition: layout and cards rendered and inlined once, then cut into constants and
slots.

The ordinary templates are rendered with sentinels (letters and digits only, so that neither
escaping, URLs nor the serialiser touch them) where a reader's values go, and with comments between
the parts. The CSS inliner runs over whole documents. The layout is one, and cards are compiled in
blocks of their own, without anything that belongs to one edition: so they can be compiled ahead.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

from django.utils.safestring import mark_safe

from newsletter.composing.cards import CardView, cards_of
from newsletter.composing.content import EditionContent
from newsletter.composing.facts import CardWords, EditionFacts, facts_of
from newsletter.composing.parts import (
    CARD_KINDS,
    LAYOUT_VALUES,
    PART_VALUES,
    Kind,
    Part,
    piece_key,
)
from newsletter.composing.publication import Publication, this_publication
from newsletter.composing.templating import HTML, SUBJECT, TEXT, rendered, template_hash
from subscriptions.inlining import inline_css

FORMAT = 3
TOP, BOTTOM = "top", "bottom"
COUNTS = ("measures", "measures_lines")
"""Values of a card that change daily: votes and comments. They are filled in when cards are
joined, not when a digest is.
"""


class BrokenLayout(ValueError):
    """The layout could not be compiled: a part is missing from the inlined document, or stands
    where it should not.
    """


class UnreadableEdition(ValueError):
    """The stored bytes are no compiled edition of this version; compile it again."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a reader's value goes. `attribute` says that it stands between double quotes in a
    tag.
    """

    name: str
    attribute: bool = False


Piece = tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """An edition ready to be joined per reader.

    `html` and `text` hold a piece per part, with the layout before (`top`) and after (`bottom`)
    them. `dropped` tells which papers could not be made into cards, and why; a digest must not pick
    them.
    """

    facts: EditionFacts
    publication: Publication
    template_hash: str
    subject: Piece
    html: Mapping[str, Piece]
    text: Mapping[str, Piece]
    dropped: tuple[tuple[int, str], ...] = ()

    def to_bytes(self) -> bytes:
        """Return the compressed JSON that `from_bytes` reads."""
        plain = {
            "format": FORMAT,
            "facts": self.facts.to_plain(),
            "publication": {
                name: getattr(self.publication, name) for name in Publication.__dataclass_fields__
            },
            "template_hash": self.template_hash,
            "subject": plain_piece(self.subject),
            "html": {key: plain_piece(piece) for key, piece in self.html.items()},
            "text": {key: plain_piece(piece) for key, piece in self.text.items()},
            "dropped": self.dropped,
        }
        return zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())

    @classmethod
    def from_bytes(cls, stored: bytes) -> "CompiledParts":
        """Return what `to_bytes` stored.

        Raises:
            UnreadableEdition: when the bytes are damaged or of another version.
        """
        try:
            plain = json.loads(zlib.decompress(bytes(stored)))
        except (zlib.error, ValueError) as error:
            raise UnreadableEdition("The compiled edition is damaged; compile it again.") from error
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise UnreadableEdition("The compiled edition is of another version; compile it again.")
        return cls(
            facts=EditionFacts.from_plain(plain["facts"]),
            publication=Publication(**plain["publication"]),
            template_hash=plain["template_hash"],
            subject=piece_from_plain(plain["subject"]),
            html={key: piece_from_plain(piece) for key, piece in plain["html"].items()},
            text={key: piece_from_plain(piece) for key, piece in plain["text"].items()},
            dropped=tuple((paper_id, reason) for paper_id, reason in plain["dropped"]),
        )


def plain_piece(piece: Piece) -> list[str | tuple[str, bool]]:
    return [
        element if isinstance(element, str) else (element.name, element.attribute)
        for element in piece
    ]


def piece_from_plain(plain: Sequence[str | Sequence[str | bool]]) -> Piece:
    return tuple(
        element if isinstance(element, str) else Slot(str(element[0]), bool(element[1]))
        for element in plain
    )


@dataclass(frozen=True, slots=True)
class CompiledCard:
    """A paper's card in each of its forms, by kind. Its `COUNTS` are slots where it has any."""

    words: CardWords
    html: Mapping[Kind, Piece]
    text: Mapping[Kind, Piece]

    def counted(self, measures: str, measures_lines: str) -> "CompiledCard":
        """Return the card with these counts; only the slots of a reader's values are left."""
        counts = dict(zip(COUNTS, (measures, measures_lines), strict=True))
        return CompiledCard(
            self.words,
            {kind: _partly_filled(piece, counts, escape=True) for kind, piece in self.html.items()},
            {
                kind: _partly_filled(piece, counts, escape=False)
                for kind, piece in self.text.items()
            },
        )


def _partly_filled(piece: Piece, values: Mapping[str, str], *, escape: bool) -> Piece:
    """Return the piece with these values as constants."""
    if not any(isinstance(element, Slot) and element.name in values for element in piece):
        return piece
    elements: list[str | Slot] = []
    for element in piece:
        if isinstance(element, Slot) and element.name in values:
            value = values[element.name]
            element = escaped(value, element.attribute) if escape else value
        if elements and isinstance(element, str) and isinstance(last := elements[-1], str):
            elements[-1] = last + element
        else:
            elements.append(element)
    return tuple(elements)


def escaped(value: str, in_attribute: bool) -> str:
    """Escape a value as the inliner's serialiser does, so that both ways of composing give the
    same bytes.
    """
    safe = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace('"', "&quot;") if in_attribute else safe


def compile_edition(content: EditionContent) -> CompiledParts:
    """Compile an edition in its language, its cards all at once.

    Raises:
        BrokenLayout: when the templates lost a part. A paper that breaks is dropped instead, and
            named in `dropped`.
        CutShort: when the inliner lost the end of the document.
    """
    cards, dropped = cards_of(content)
    compiled = compile_cards(cards, content.language)
    counted = [
        one.counted(card.measures, card.measures_lines)
        for card, one in zip(cards, compiled, strict=True)
    ]
    return join_edition(content, counted, dropped)


def join_edition(
    content: EditionContent,
    cards: Sequence[CompiledCard],
    dropped: Sequence[tuple[int, str]] = (),
) -> CompiledParts:
    """Compile the layout of an edition and join it with its cards, whose counts are filled in.
    `dropped` are papers that have no card, with the reason.

    Raises:
        BrokenLayout, CutShort: as `compile_edition`.
    """
    facts = facts_of(content, [card.words for card in cards])
    parts = [Part(kind) for kind in PART_VALUES if kind not in CARD_KINDS]
    subject, html, text = _pieces(parts, facts, json.dumps(facts.to_plain()))
    for card in cards:
        html |= {piece_key(kind, card.words.id): piece for kind, piece in card.html.items()}
        text |= {piece_key(kind, card.words.id): piece for kind, piece in card.text.items()}
    return CompiledParts(
        facts=facts,
        publication=this_publication(),
        template_hash=template_hash(),
        subject=subject,
        html=html,
        text=text,
        dropped=tuple(dropped),
    )


def compile_cards(cards: Sequence[CardView], language: str) -> list[CompiledCard]:
    """Compile cards in one document of that language, a few milliseconds each.

    Raises:
        BrokenLayout, CutShort: the document lost something. One card alone tells whether it is at
            fault.
    """
    measures, lines = _Sentinels(_all_text(cards)).values(COUNTS).values()
    slotted = [
        replace(card, measures=measures, measures_lines=lines) if card.measures else card
        for card in cards
    ]
    return _compiled_cards(cards, slotted, language, None)


def plain_cards(
    cards: Sequence[CardView], language: str, values: Mapping[str, str]
) -> list[CompiledCard]:
    """Return what `compile_cards` does, rendered plainly: with these values of a reader and with
    the cards' own counts, so that no slots are left.

    Raises:
        BrokenLayout, CutShort: as `compile_cards`.
    """
    return _compiled_cards(cards, cards, language, values)


def _compiled_cards(
    cards: Sequence[CardView],
    shown: Sequence[CardView],
    language: str,
    values: Mapping[str, str] | None,
) -> list[CompiledCard]:
    facts = facts_of(EditionContent(0, "daily", date(2000, 1, 1), (), language=language), ())
    parts = [Part(kind, {}, card.id, card) for kind in CARD_KINDS for card in shown]
    _, html, text = _pieces(parts, facts, _all_text(cards), values)
    return [
        CompiledCard(
            CardWords.of(card),
            {kind: html[piece_key(kind, card.id)] for kind in CARD_KINDS},
            {kind: text[piece_key(kind, card.id)] for kind in CARD_KINDS},
        )
        for card in cards
    ]


def _all_text(cards: Sequence[CardView]) -> str:
    return json.dumps([asdict(card) for card in cards])


def _pieces(
    parts: Sequence[Part],
    facts: EditionFacts,
    content: str,
    values: Mapping[str, str] | None = None,
) -> tuple[Piece, dict[str, Piece], dict[str, Piece]]:
    """Render a document of these parts; return the subject, and the pieces of the HTML and of the
    text by key.

    Args:
        content: all text of the document that is not the templates'.
        values: what stands in the slots; by default sentinels do, and make slots.
    """
    sentinels, publication = _Sentinels(content), this_publication()
    made = [
        replace(
            part,
            values=values or sentinels.values(PART_VALUES[part.kind]),
            mark=sentinels.mark(part.key),
        )
        for part in parts
    ]
    context = {"parts": made, "end": sentinels.mark(BOTTOM), **sentinels.values(LAYOUT_VALUES)}
    keys = [TOP, *(part.key for part in made), BOTTOM]
    html = inline_css(rendered(HTML, facts, publication, context))
    text = rendered(TEXT, facts, publication, context)
    subject = sentinels.piece(rendered(SUBJECT, facts, publication, context).strip())
    return subject, sentinels.pieces(html, keys), sentinels.pieces(text, keys)


class _Sentinels:
    """Names that stand for values and for the borders of parts, and the cutting at them.

    They begin with a hash of all text of the edition, so no paper can contain them: it would have
    to hold its own hash.
    """

    def __init__(self, content: str) -> None:
        self._prefix = (
            "pb" + hashlib.sha256(content.encode("utf-8", "backslashreplace")).hexdigest()[:24]
        )
        self._names = sorted(
            {*LAYOUT_VALUES, *COUNTS, *(name for names in PART_VALUES.values() for name in names)}
        )
        self._slot = re.compile(rf"{self._prefix}v(\d+)q")
        self._border = re.compile(rf"<!--{self._prefix}m(.+?)-->")

    def values(self, names: Iterable[str]) -> dict[str, str]:
        return {name: f"{self._prefix}v{self._names.index(name)}q" for name in names}

    def mark(self, key: str) -> str:
        return mark_safe(f"<!--{self._prefix}m{key}-->")  # noqa: S308 - a hash and a name of ours

    def pieces(self, document: str, keys: Sequence[str]) -> dict[str, Piece]:
        """Cut a document at its borders, which must be those of `keys` in this order."""
        first, *rest = self._border.split(document)
        found = [TOP, *rest[::2]]
        if found != list(keys):
            raise BrokenLayout(
                f"The templates gave the parts {found[:20]} where {list(keys)[:20]} were expected."
            )
        return {
            key: self.piece(part) for key, part in zip(found, [first, *rest[1::2]], strict=True)
        }

    def piece(self, text: str) -> Piece:
        """Cut a text at its sentinels."""
        constants, names = self._slot.split(text)[::2], self._slot.split(text)[1::2]
        elements: list[str | Slot] = [constants[0]]
        for name, constant in zip(names, constants[1:], strict=True):
            elements.append(Slot(self._names[int(name)], attribute=self._is_inside_a_tag(elements)))
            elements.append(constant)
        return tuple(elements)

    @staticmethod
    def _is_inside_a_tag(before: Sequence[str | Slot]) -> bool:
        for element in reversed(before):
            if isinstance(element, str) and ("<" in element or ">" in element):
                return element.rfind("<") > element.rfind(">")
        return False
