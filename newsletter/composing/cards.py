"""Cards: a paper as ready strings for the templates, cleaned, cut to length and safe for every
client.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_decimal
from django.conf import settings
from django.utils.translation import get_language, gettext, ngettext, override

from ingest.cleaning import ABSTRACT_LIMIT, shorten
from ingest.tex import without_tex
from newsletter.composing.content import EditionContent, PaperCard
from newsletter.composing.locales import locale_of
from newsletter.composing.source_links import source_link
from newsletter.composing.summary import summarise
from newsletter.composing.tongues import PAPERS_LANGUAGE, foreign_language
from newsletter.composing.typesetting import (
    SEPARATOR,
    breakable,
    clean_line,
    direction,
    isolated,
    paragraph,
    unbroken,
    with_apostrophes,
)
from newsletter.faults import NO_ROWS_FAULT

LEAD_LENGTH = 520
CARD_LENGTH = 320
BRIEF_LENGTH = 180
NAME_LENGTH = 30
SHORT_TITLE_LENGTH = 48
NAMED_AUTHORS = 3
SEARCHED_LENGTH = 60
"""Characters. Enough to tell a paper, and few enough that letters of any script, each up to 12
bytes in an address, fit into a line.
"""
_WORD = re.compile(r"\w+(?:[-’']\w+)*")
"""Marks stay out of a search: `?` and `*` stand for other letters there, and a colon for a
field.
"""
_LOOSE_END = re.compile(
    r"(?: (?:a|an|and|are|as|at|by|for|from|in|into|is|of|on|or|the|to|via|with))+\Z", re.IGNORECASE
)
"""Words that no shortened title should end with."""


@dataclass(frozen=True, slots=True)
class CardView:
    """What the templates of a card may name. Plain text, not yet escaped; `_lines` are laid out for
    the text part.

    `name` is short enough for links, `short_title` for a list. `find_url` searches for a paper that
    no source gave a `url` of.

    `direction` is "rtl" for a title that runs from right to left, else empty. The languages are
    codes where a text is in another one than the edition's, else empty. `title`, `byline` and
    summaries hold zero-width spaces in words too long for a narrow screen only in their `_shown`
    forms.
    """

    id: int
    title: str
    title_shown: str
    direction: str
    short_title: str
    name: str
    url: str
    find_url: str
    code_url: str
    language: str
    summary_language: str
    note_language: str
    byline_shown: str
    measures: str
    summary: str
    summary_shown: str
    lead_summary_shown: str
    brief_summary_shown: str
    summary_cut: bool
    lead_summary_cut: bool
    brief_summary_cut: bool
    editor_note: str
    pinned: bool
    title_lines: str
    byline_lines: str
    measures_lines: str
    summary_lines: str
    lead_summary_lines: str
    brief_summary_lines: str
    note_lines: str


def cards_of(content: EditionContent) -> tuple[list[CardView], tuple[tuple[int, str], ...]]:
    """Return the cards of an edition, and the papers that were dropped with the reason: one bad
    paper stops no other.
    """
    cards, dropped = [], []
    locale = locale_of(content.language)
    with override(content.language):
        for paper in content.papers:
            try:
                cards.append(card_view(paper, locale))
            except NO_ROWS_FAULT:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a paper's data does, the others go out; the reason is kept for staff
                dropped.append((paper.id, f"{type(error).__name__}: {error}"[:300]))
    return cards, tuple(dropped)


def card_view(paper: PaperCard, locale: Locale) -> CardView:
    """Return the paper's card in the active language."""
    around = get_language() or settings.LANGUAGE_CODE
    title = with_apostrophes(clean_line(without_tex(paper.title))) or gettext("Untitled paper")
    abstract = with_apostrophes(
        clean_line(without_tex(paper.abstract[:ABSTRACT_LIMIT]), ABSTRACT_LIMIT)
    )
    lead_summary, summary, brief_summary = (
        summarise(abstract, length) for length in (LEAD_LENGTH, CARD_LENGTH, BRIEF_LENGTH)
    )
    url, code_url = source_link(paper.url).address, source_link(paper.code_url).address
    byline = _authors(paper, locale)
    measures, measures_lines = counts_of(paper, locale)
    note = isolated(clean_line(without_tex(paper.editor_note)))
    return CardView(
        id=paper.id,
        title=title,
        title_shown=breakable(title),
        direction=direction(title),
        language=foreign_language(title, PAPERS_LANGUAGE, around),
        summary_language=foreign_language(summary.text, PAPERS_LANGUAGE, around),
        note_language=foreign_language(note, settings.LANGUAGE_CODE, around),
        short_title=isolated(_short(title, SHORT_TITLE_LENGTH)),
        name=isolated(_short(title, NAME_LENGTH)),
        url=url,
        find_url="" if url else _search_for(without_tex(paper.title)),
        code_url=code_url,
        byline_shown=breakable(byline),
        measures=measures,
        summary=summary.text,
        summary_shown=breakable(isolated(summary.text)),
        lead_summary_shown=breakable(isolated(lead_summary.text)),
        brief_summary_shown=breakable(isolated(brief_summary.text)),
        summary_cut=summary.cut,
        lead_summary_cut=lead_summary.cut,
        brief_summary_cut=brief_summary.cut,
        editor_note=breakable(note),
        pinned=paper.pinned,
        title_lines=paragraph(isolated(title), indent=4, first=""),
        byline_lines=paragraph(byline, indent=4),
        measures_lines=measures_lines,
        summary_lines=paragraph(isolated(summary.text), indent=4),
        lead_summary_lines=paragraph(isolated(lead_summary.text), indent=4),
        brief_summary_lines=paragraph(isolated(brief_summary.text), indent=4),
        note_lines=paragraph(gettext("Editor’s note: %(note)s") % {"note": note}, indent=4)
        if note
        else "",
    )


def counts_of(paper: PaperCard, locale: Locale) -> tuple[str, str]:
    """Return a card's `measures` and `measures_lines` in the active language: all that is said of
    the paper in numbers, which change daily.
    """
    measures = SEPARATOR.join(_measures(paper, locale))
    return measures, paragraph(measures, indent=4)


def _short(title: str, limit: int) -> str:
    """Return what stands before the colon, where papers name their method, else the first words."""
    name, colon, _rest = title.partition(": ")
    chosen = name if colon and len(name) >= 3 else title
    if len(chosen) <= limit:
        return chosen
    kept = chosen[: limit - 1]
    whole = kept[: kept.rfind(" ")] if " " in kept[limit // 2 :] else kept
    return _LOOSE_END.sub("", whole).rstrip(" ,;:.–-") + "…"


def _search_for(title: str) -> str:
    """Return the address of arXiv's search by title, where nearly all papers are; one word finds
    too many: an empty string.
    """
    words = shorten(" ".join(_WORD.findall(clean_line(title))), SEARCHED_LENGTH).rstrip("…")
    return (
        f"https://arxiv.org/search/?searchtype=title&query={quote_plus(words)}"
        if " " in words
        else ""
    )


def _authors(paper: PaperCard, locale: Locale) -> str:
    """Name up to three authors and count the others."""
    names = [
        isolated(name) for name in (clean_line(author, 80) for author in paper.authors) if name
    ]
    count = max(paper.author_count or 0, len(names))
    if not names:
        return ""
    others = count - len(names[:NAMED_AUTHORS])
    if not others:
        return ", ".join(names)
    more = _count(ngettext("%(count)s other", "%(count)s others", others), others, locale)
    return gettext("%(names)s and %(others)s") % {
        "names": ", ".join(names[:NAMED_AUTHORS]),
        "others": more,
    }


def _measures(paper: PaperCard, locale: Locale) -> Sequence[str]:
    """Say how many authors where none is named, votes with their growth since the day before,
    comments, and code that the card does not link to, as far as known.
    """
    said = []
    if paper.author_count and not any(paper.authors):
        said.append(
            _count(
                ngettext("%(count)s author", "%(count)s authors", paper.author_count),
                paper.author_count,
                locale,
            )
        )
    if paper.published:
        said.append(unbroken(format_skeleton("yMMMd", paper.published, locale=locale)))
    if paper.votes is not None:
        said.append(
            _count(ngettext("%(count)s vote", "%(count)s votes", paper.votes), paper.votes, locale)
        )
        grown = paper.votes - paper.votes_before if paper.votes_before is not None else 0
        if grown > 0:
            said[-1] += " " + _count(gettext("(+%(count)s in a day)"), grown, locale)
    if paper.comments:
        said.append(
            _count(
                ngettext("%(count)s comment", "%(count)s comments", paper.comments),
                paper.comments,
                locale,
            )
        )
    if paper.has_code and not source_link(paper.code_url).address:
        said.append(gettext("with code"))
    return said


def _count(form: str, count: int, locale: Locale) -> str:
    return unbroken(form % {"count": format_decimal(count, locale=locale)})
