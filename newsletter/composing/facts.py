"""EditionFacts: the words of an edition that depend on its papers and language but on no reader,
worked out once.

Plural forms, dates and numbers are looked up here, so that composing one reader's digest is a
choice of ready strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from django.conf import settings
from django.utils.translation import get_language_info, gettext, ngettext, override

from ingest.cleaning import shorten
from ingest.tex import without_tex
from newsletter.composing.cards import CardView
from newsletter.composing.content import EditionContent
from newsletter.composing.locales import locale_of
from newsletter.composing.tongues import foreign_language
from newsletter.composing.typesetting import breakable, clean_line, isolated, paragraph

MOST_PICKS = 200
"""Sentences are ready for digests of up to this many papers; a profile asks for 50 at most."""
SUBJECT_LIMIT = 60
PREHEADER_LEAST, PREHEADER_LIMIT = 40, 110
"""Characters. With fewer, mailboxes fill the line with whatever comes next."""
NOTE_LIMIT = 600


@dataclass(frozen=True, slots=True)
class CardWords:
    """What an edition says of a paper outside its card."""

    id: int
    title: str
    short_title: str
    name: str
    summary: str
    url: str

    @classmethod
    def of(cls, card: CardView) -> "CardWords":
        return cls(card.id, card.title, card.short_title, card.name, card.summary, card.url)


BY_PAPER = ("headlines", "first_headlines", "titles", "names", "summaries", "addresses")


@dataclass(frozen=True, slots=True)
class EditionFacts:
    """Ready strings of one edition in one language. Mappings go by paper id; `sentences` and
    `more` go by a count.
    """

    edition_id: int
    cadence: str
    day: str
    language: str
    direction: str
    end: str
    date_long: str
    edition_name: str
    editor_note: str
    editor_note_lines: str
    note_language: str
    health_line: str
    health_lines: str
    sentences: Sequence[str]
    more: Sequence[str]
    omitted: Sequence[str]
    also: str
    headlines: Mapping[int, str]
    first_headlines: Mapping[int, str]
    empty_headline: str
    titles: Mapping[int, str]
    names: Mapping[int, str]
    summaries: Mapping[int, str]
    addresses: Mapping[int, str]
    pinned_heading: str
    topics_heading: str
    also_heading: str
    why: str
    no_reason: str

    def to_plain(self) -> dict[str, Any]:
        """Return the facts as JSON types; keys of mappings become text there."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "EditionFacts":
        """Return the facts that `to_plain` gave."""
        by_paper = {
            name: {int(key): text for key, text in plain[name].items()} for name in BY_PAPER
        }
        return cls(**{**plain, **by_paper})


def facts_of(content: EditionContent, cards: Sequence[CardView | CardWords]) -> EditionFacts:
    """Return the facts of an edition that shows these cards."""
    with override(content.language):
        return _facts(content, cards, locale_of(content.language))


def _facts(
    content: EditionContent, cards: Sequence[CardView | CardWords], locale: Locale
) -> EditionFacts:
    weekly = content.cadence == "weekly"
    short_day = format_skeleton("MMMd", content.day, locale=locale)
    total = len(cards)
    note, health = (
        isolated(clean_line(without_tex(line), NOTE_LIMIT))
        for line in (content.editor_note, content.health_line)
    )
    headline = (
        gettext("This week: %(title)s · %(day)s") if weekly else gettext("%(title)s · %(day)s")
    )
    first = gettext("Your first papers: %(title)s · %(day)s")
    empty = (
        gettext("Nothing for you this week · %(day)s")
        if weekly
        else gettext("Nothing for you today · %(day)s")
    )
    return EditionFacts(
        edition_id=content.edition_id,
        cadence=content.cadence,
        day=content.day.isoformat(),
        language=content.language,
        direction="rtl" if get_language_info(content.language)["bidi"] else "ltr",
        end="left" if get_language_info(content.language)["bidi"] else "right",
        date_long=_long_date(content.day, locale),
        edition_name=gettext("Weekly edition") if weekly else gettext("Daily edition"),
        editor_note=breakable(note),
        note_language=foreign_language(note, settings.LANGUAGE_CODE, content.language),
        editor_note_lines=paragraph(gettext("From the editor: %(note)s") % {"note": note})
        if note
        else "",
        health_line=breakable(health),
        health_lines=paragraph(health),
        sentences=tuple(
            _sentence(count, total, weekly, locale) for count in range(min(total, MOST_PICKS) + 1)
        ),
        more=tuple(_more(count, locale) for count in range(min(total, MOST_PICKS) + 1)),
        omitted=tuple(_omitted(count, locale) for count in range(min(total, MOST_PICKS) + 1)),
        also=gettext("Also: %(titles)s"),
        headlines={card.id: _headline(headline, card.title, short_day) for card in cards},
        first_headlines={card.id: _headline(first, card.title, short_day) for card in cards},
        empty_headline=empty % {"day": short_day},
        titles={card.id: card.short_title for card in cards},
        names={card.id: card.name for card in cards},
        summaries={card.id: shorten(card.summary or card.title, PREHEADER_LIMIT) for card in cards},
        addresses={card.id: card.url for card in cards},
        pinned_heading=gettext("Picked by the editors"),
        topics_heading=gettext("For you"),
        also_heading=gettext("Also trending"),
        why=gettext("Why it’s here:"),
        no_reason=gettext("one of the papers of this edition"),
    )


def _long_date(day: date, locale: Locale) -> str:
    return format_date(day, "full", locale=locale)


def _headline(form: str, title: str, day: str) -> str:
    """Fit a subject into its limit by shortening the title, never the date."""
    room = SUBJECT_LIMIT - len(form % {"title": "", "day": day})
    return form % {"title": shorten(title, room), "day": day}


def _sentence(shown: int, total: int, weekly: bool, locale: Locale) -> str:
    """Say what part of the edition the reader gets; true for any numbers."""
    words = {
        "shown": format_decimal(shown, locale=locale),
        "total": format_decimal(total, locale=locale),
    }
    if not shown:
        today = gettext("Nothing in today’s edition fits what you asked for.")
        return (
            gettext("Nothing in this week’s edition fits what you asked for.") if weekly else today
        )
    if shown == total:
        return (
            ngettext(
                "The one paper of this edition.", "All %(total)s papers of this edition.", total
            )
            % words
        )
    today = ngettext(
        "Of %(total)s papers in today’s edition, this one is for you.",
        "Of %(total)s papers in today’s edition, these %(shown)s are for you.",
        shown,
    )
    this_week = ngettext(
        "Of %(total)s papers in this week’s edition, this one is for you.",
        "Of %(total)s papers in this week’s edition, these %(shown)s are for you.",
        shown,
    )
    return (this_week if weekly else today) % words


def _more(count: int, locale: Locale) -> str:
    return ngettext("and %(count)s more", "and %(count)s more", count) % {
        "count": format_decimal(count, locale=locale)
    }


def _omitted(count: int, locale: Locale) -> str:
    form = ngettext(
        "%(count)s more paper would have made this mail too long for some mailboxes.",
        "%(count)s more papers would have made this mail too long for some mailboxes.",
        count,
    )
    return form % {"count": format_decimal(count, locale=locale)}
