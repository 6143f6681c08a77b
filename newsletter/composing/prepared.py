"""Prepared cards: each paper's card is compiled, compared with the plain way and linted by itself.

A card depends on its paper, the language, the templates and the code, and on nothing of an edition,
so it can be prepared long before the freeze. What changes daily, votes and comments, is filled in
when the card joins an edition.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence, Set
from dataclasses import asdict, astuple, dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from babel import Locale
from django.conf import settings
from django.utils.translation import override

from newsletter.composing.cards import CardView, card_view
from newsletter.composing.comparison import same_document
from newsletter.composing.compiled import (
    BrokenLayout,
    CompiledCard,
    compile_cards,
    piece_from_plain,
    plain_cards,
    plain_piece,
)
from newsletter.composing.content import PaperCard
from newsletter.composing.digest import filled, filled_html
from newsletter.composing.facts import CardWords
from newsletter.composing.lint.linter import lint_card
from newsletter.composing.lint.rules import Finding, describe
from newsletter.composing.locales import locale_of
from newsletter.composing.parts import CARD_KINDS
from newsletter.composing.publication import this_publication
from newsletter.composing.sample import sample_papers
from newsletter.composing.source_links import link_faults
from newsletter.composing.templating import template_hash
from newsletter.composing.typesetting import paragraph
from newsletter.faults import bisect

REASON_LENGTH = 300
_CODE = (
    "newsletter/composing/**/*.py",
    "ingest/*.py",
    "subscriptions/inlining.py",
)
_LIBRARIES = ("Django", "babel", "lxml", "premailer", "cssutils", "pylatexenc", "wcwidth", "idna")
_REASON = 'three < four & "five" > it\'s · {{ leave }} {% if %}'
_VALUES = {
    "reason": _REASON,
    "more_reasons": f" · {_REASON} שלום 👩‍🔬 a\u0301",
    "reason_lines": paragraph(f"Why: {_REASON}", indent=4),
    "number": " 1",
    "read": "https://paperboy.example.org/read/0/?a=1&b=2",
}
"""A reader's values, awkward ones above all, with which each card is compared and linted."""
_COUNTS = "12\u00a0votes · 3 < 4 & 5"


class LayoutDiffers(BrokenLayout):
    """What was compiled does not say what the templates say, whatever the papers are; nothing of
    it may be mailed.
    """


@dataclass(frozen=True, slots=True)
class PreparedCard:
    """A card that is ready to join an edition. `fault` says why no digest may show the paper; then
    there is no `card`. `link_fault` says which of its links are left out, and why. `raised` says
    that the fault is an exception, which need not come again, so that it should not be kept.
    """

    card: CompiledCard | None
    fault: str = ""
    link_fault: str = ""
    raised: bool = False

    @classmethod
    def failed(cls, error: Exception) -> "PreparedCard":
        return cls(None, f"{type(error).__name__}: {error}"[:REASON_LENGTH], raised=True)

    def counted(self, measures: str, measures_lines: str) -> "PreparedCard":
        """Return it with these counts in its card."""
        if self.card is None:
            return self
        return replace(self, card=self.card.counted(measures, measures_lines))

    def to_bytes(self) -> bytes:
        """Return the compressed JSON that `from_bytes` reads."""
        forms = () if self.card is None else (self.card.html, self.card.text)
        plain = {
            "fault": self.fault,
            "link_fault": self.link_fault,
            "words": None if self.card is None else astuple(self.card.words),
            "forms": [[plain_piece(form[kind]) for kind in CARD_KINDS] for form in forms],
        }
        return zlib.compress(json.dumps(plain, separators=(",", ":")).encode())

    @classmethod
    def from_bytes(cls, stored: bytes) -> "PreparedCard":
        """Return what `to_bytes` stored."""
        plain = json.loads(zlib.decompress(stored))
        if plain["words"] is None:
            return cls(None, plain["fault"], plain["link_fault"])
        html, text = (
            dict(zip(CARD_KINDS, map(piece_from_plain, pieces), strict=True))
            for pieces in plain["forms"]
        )
        card = CompiledCard(CardWords(*plain["words"]), html, text)
        return cls(card, plain["fault"], plain["link_fault"])


class Wanted(NamedTuple):
    """A paper whose card is wanted, without its counts, and whether it has any."""

    paper: PaperCard
    has_counts: bool

    @classmethod
    def of(cls, paper: PaperCard, *, has_counts: bool) -> "Wanted":
        """Leave out what only the counts of a card say."""
        plain = replace(paper, published=None, votes=None, votes_before=None, comments=None)
        return cls(replace(plain, has_code=False), has_counts)

    def key(self, made_by: str) -> str:
        """Return the hex SHA-256 of all that the prepared card is made from. `made_by` stands for
        what is not the paper's.
        """
        content = [made_by, self.has_counts, asdict(self.paper)]
        return hashlib.sha256(json.dumps(content, default=repr).encode()).hexdigest()


def made_by(language: str) -> str:
    """Say what makes cards in a language: hashes of the templates, the code and the catalogues,
    and the settings that enter.
    """
    languages = f"{language} {settings.LANGUAGE_CODE}"
    return f"{languages} {this_publication()} {template_hash()} {_code_hash()}"


@cache
def _code_hash() -> str:
    """Hash the code once; the process goes on with the code that it has loaded."""
    root, digest = Path(settings.BASE_DIR), hashlib.sha256()
    catalogues = (path for folder in settings.LOCALE_PATHS for path in Path(folder).rglob("*.mo"))
    for path in sorted({*(path for name in _CODE for path in root.glob(name)), *catalogues}):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    return digest.hexdigest()


def prepare_cards(papers: Sequence[Wanted], language: str) -> list[PreparedCard]:
    """Return the cards of some papers in a language, in this order.

    A card in everybody's language is compared with the plain way and linted. In other languages a
    paper has the same words and links, so its card is only compiled, which raises where it loses
    something. What the templates say there is checked with sample papers and with digests that are
    drawn from each edition (`newsletter.composing.proof`, `gate`).

    Raises:
        LayoutDiffers, BrokenLayout, CutShort: the layout is at fault, since sample papers have the
            fault as well.
        MemoryError, SoftTimeLimitExceeded: no paper is to blame.
    """
    check = language == settings.LANGUAGE_CODE
    tried = bisect(partial(_try, language=language, check=check), papers)
    if all(isinstance(one, _Tried) and not one.differs and not one.findings for one in tried):
        excused: Set[str] = frozenset()
    else:
        excused = {finding.rule for finding in sample_errors(language)}
    return [_card(one, excused) for one in tried]


def sample_errors(language: str) -> tuple[Finding, ...]:
    """Return the errors that the lint finds in the cards of sample papers: the layout's.

    Raises:
        LayoutDiffers, BrokenLayout, CutShort: as `prepare_cards`.
    """
    found: list[Finding] = []
    for sample in _try([Wanted(paper, True) for paper in sample_papers()], language):
        if sample.differs:
            raise LayoutDiffers(f"The layout is not what its templates say: {sample.differs}.")
        found += sample.findings
    return tuple(dict.fromkeys(found))


class _Tried(NamedTuple):
    """A compiled card, in what it differs from the plain way, and what the lint finds in it."""

    card: CompiledCard
    differs: str = ""
    findings: Sequence[Finding] = ()
    link_fault: str = ""


def _try(papers: Sequence[Wanted], language: str, *, check: bool = True) -> list[_Tried]:
    """Compile cards in one document, and compare and lint each unless `check` is off. Whatever it
    raises, one paper alone tells whether it is at fault.
    """
    locale = locale_of(language)
    with override(language):
        views = [_view(one, locale) for one in papers]
    compiled = compile_cards(views, language)
    if not check:
        return [_Tried(card) for card in compiled]
    plain = plain_cards(views, language, _VALUES)
    counted = [
        card.counted(view.measures, view.measures_lines)
        for card, view in zip(compiled, views, strict=True)
    ]
    return [
        _Tried(card, _difference(shown, other), _errors(shown), link_faults(one.paper))
        for one, card, shown, other in zip(papers, compiled, counted, plain, strict=True)
    ]


def _view(wanted: Wanted, locale: Locale) -> CardView:
    """Return the card with made-up counts where it has any."""
    counts = _COUNTS if wanted.has_counts else ""
    return replace(
        card_view(wanted.paper, locale),
        measures=counts,
        measures_lines=paragraph(counts, indent=4),
    )


def _difference(card: CompiledCard, plain: CompiledCard) -> str:
    """Name the forms of a card that differ from the same rendered plainly."""
    differing = [
        f"html of the {kind} form"
        for kind in CARD_KINDS
        if (one := filled_html(card.html[kind], _VALUES))
        != (other := filled_html(plain.html[kind], {}))
        and not same_document(one, other)
    ]
    differing += [
        f"text of the {kind} form"
        for kind in CARD_KINDS
        if filled(card.text[kind], _VALUES) != filled(plain.text[kind], {})
    ]
    return ", ".join(differing)


def _errors(card: CompiledCard) -> Sequence[Finding]:
    return tuple(
        dict.fromkeys(
            finding
            for kind in CARD_KINDS
            for finding in lint_card(
                filled_html(card.html[kind], _VALUES),
                filled(card.text[kind], _VALUES),
                card.words.title,
            )
        )
    )


def _card(tried: _Tried | Exception, excused: Set[str]) -> PreparedCard:
    if isinstance(tried, Exception):
        return PreparedCard.failed(tried)
    found = [finding for finding in tried.findings if finding.rule not in excused]
    if fault := tried.differs or describe(found):
        return PreparedCard(None, fault[:REASON_LENGTH])
    return PreparedCard(tried.card, "", tried.link_fault)
