"""The compiled edition: layout and cards rendered and inlined once, then cut into constants and
slots.

The ordinary templates are rendered with sentinels (letters and digits only, so that neither
escaping, URLs nor the serialiser touch them) where a reader's values go, and with comments between
the parts. The CSS inliner runs once over the whole document.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from django.utils.safestring import mark_safe

from newsletter.composing.cards import CardView, cards_of
from newsletter.composing.content import EditionContent
from newsletter.composing.facts import EditionFacts, facts_of
from newsletter.composing.parts import CARD_KINDS, LAYOUT_VALUES, PART_VALUES, Part
from newsletter.composing.publication import Publication, this_publication
from newsletter.composing.templating import HTML, SUBJECT, TEXT, rendered, template_hash
from subscriptions.inlining import inline_css

FORMAT = 3
TOP, BOTTOM = "top", "bottom"


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
            "subject": _plain_piece(self.subject),
            "html": {key: _plain_piece(piece) for key, piece in self.html.items()},
            "text": {key: _plain_piece(piece) for key, piece in self.text.items()},
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
            subject=_piece_from_plain(plain["subject"]),
            html={key: _piece_from_plain(piece) for key, piece in plain["html"].items()},
            text={key: _piece_from_plain(piece) for key, piece in plain["text"].items()},
            dropped=tuple((paper_id, reason) for paper_id, reason in plain["dropped"]),
        )


def _plain_piece(piece: Piece) -> list[str | tuple[str, bool]]:
    return [
        element if isinstance(element, str) else (element.name, element.attribute)
        for element in piece
    ]


def _piece_from_plain(plain: Sequence[str | Sequence[str | bool]]) -> Piece:
    return tuple(
        element if isinstance(element, str) else Slot(str(element[0]), bool(element[1]))
        for element in plain
    )


def compile_edition(content: EditionContent) -> CompiledParts:
    """Compile an edition in its language: about a millisecond per paper, once.

    Raises:
        BrokenLayout: when the templates lost a part. A paper that breaks is dropped instead, and
            named in `dropped`.
        CutShort: when the inliner lost the end of the document.
    """
    cards, dropped = cards_of(content)
    facts, publication = facts_of(content, cards), this_publication()
    sentinels = _Sentinels(json.dumps([facts.to_plain(), [asdict(card) for card in cards]]))
    parts = [replace(part, mark=sentinels.mark(part.key)) for part in _specimen(cards, sentinels)]
    context = {"parts": parts, "end": sentinels.mark(BOTTOM), **sentinels.values(LAYOUT_VALUES)}
    keys = [TOP, *(part.key for part in parts), BOTTOM]
    html = inline_css(rendered(HTML, facts, publication, context))
    text = rendered(TEXT, facts, publication, context)
    return CompiledParts(
        facts=facts,
        publication=publication,
        template_hash=template_hash(),
        subject=sentinels.piece(rendered(SUBJECT, facts, publication, context).strip()),
        html=sentinels.pieces(html, keys),
        text=sentinels.pieces(text, keys),
        dropped=dropped,
    )


def _specimen(cards: Sequence[CardView], sentinels: "_Sentinels") -> Iterator[Part]:
    """Yield every part there can be, once, with sentinels for values."""
    for kind, names in PART_VALUES.items():
        if kind in CARD_KINDS:
            for card in cards:
                yield Part(kind, sentinels.values(names), card.id, card)
        else:
            yield Part(kind, sentinels.values(names))


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
            {*LAYOUT_VALUES, *(name for names in PART_VALUES.values() for name in names)}
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
