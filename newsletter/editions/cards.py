"""The cards of editions: a task prepares and stores them ahead, and the freeze joins them.

Nothing but speed depends on the task: whatever is missing is prepared when it is asked for.
"""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db.models import Q
from django.utils.translation import override

from newsletter.composing.cards import counts_of
from newsletter.composing.compiled import CompiledParts, join_edition
from newsletter.composing.content import EditionContent, PaperCard
from newsletter.composing.locales import locale_of
from newsletter.composing.prepared import PreparedCard, Wanted, made_by, prepare_cards
from newsletter.editions.candidates import candidates_of
from newsletter.editions.content import content_of
from newsletter.editions.languages import languages_of_readers
from newsletter.faults import NO_ROWS_FAULT, isolated
from newsletter.models import BEFORE_FROZEN, Edition, EditionState, StoredCard

log = structlog.get_logger(__name__)

LOOKED_UP_AT_ONCE = 200
PREPARED_AT_ONCE = 20
"""Cards that are compiled in one document and stored in one transaction."""
NEEDED_TO_WITHIN = timedelta(days=1)
KEPT = timedelta(days=7)
"""How long a card is kept that no open edition has asked for. Papers are candidates again in the
next days' editions.
"""
HELD_FOR = timedelta(days=2)
"""An edition that was held longer is no longer frozen: its readers' hours are over."""


def prepare_ahead(now: datetime) -> int:
    """Prepare and store what the open editions' cards lack; return how many were prepared. Delete
    cards that no open edition has needed for a week. Safe to repeat and to run twice at once.

    An edition that raises an exception stops no other; its freeze tells staff.
    """
    held = Q(state=EditionState.HELD, nominal_at__gt=now - HELD_FOR)
    editions = Edition.objects.filter(held | Q(state__in=BEFORE_FROZEN)).defer("statistics")
    prepared = 0
    for edition in editions.order_by("nominal_at", "pk"):
        with isolated("cards_not_prepared", edition=str(edition)):
            papers = content_of(edition, candidates_of(edition)).papers
            for language in languages_of_readers():
                prepared += _prepare_missing(papers, language, now)
    StoredCard.objects.filter(needed_at__lt=now - KEPT).delete()
    if prepared:
        log.info("cards_prepared", count=prepared)
    return prepared


def joined_edition(
    content: EditionContent, now: datetime
) -> tuple[CompiledParts, tuple[tuple[int, str], ...]]:
    """Compile the layout of an edition and join it with its papers' cards. Papers whose cards are
    faulty are among `dropped`, with the reason. Return also the papers whose cards leave out a
    faulty link, with the reason.

    Raises:
        BrokenLayout, CutShort: the layout is at fault, whatever the papers are.
    """
    cards, dropped, links = [], [], []
    for paper_id, found in _cards(content.papers, content.language, now):
        if found.card is None:
            dropped.append((paper_id, found.fault))
            continue
        cards.append(found.card)
        if found.link_fault:
            links.append((paper_id, found.link_fault))
    return join_edition(content, cards, dropped), tuple(links)


class _Asked(NamedTuple):
    """A card that an edition asks for: its key, what it is prepared from, and the counts of now."""

    key: str
    wanted: Wanted
    counts: tuple[str, str]


def _asked(
    papers: Sequence[PaperCard], language: str
) -> Iterator[tuple[list[_Asked], list[tuple[int, PreparedCard]]]]:
    """Yield, for one block of papers after the other, what is asked for, and the papers of which
    the counts raise an exception.
    """
    maker, locale = made_by(language), locale_of(language)
    for start in range(0, len(papers), LOOKED_UP_AT_ONCE):
        asked, failed = [], []
        with override(language):
            for paper in papers[start : start + LOOKED_UP_AT_ONCE]:
                try:
                    counts = counts_of(paper, locale)
                except NO_ROWS_FAULT:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever a paper's data does, the others go out; the reason is kept for staff
                    failed.append((paper.id, PreparedCard.failed(error)))
                    continue
                wanted = Wanted.of(paper, has_counts=bool(counts[0]))
                asked.append(_Asked(wanted.key(maker), wanted, counts))
        yield asked, failed


def _prepare_missing(papers: Sequence[PaperCard], language: str, now: datetime) -> int:
    """Prepare and store the cards that are not stored; return how many they are."""
    prepared = 0
    for asked, _failed in _asked(papers, language):
        rows = StoredCard.objects.filter(key__in=[one.key for one in asked])
        rows.filter(needed_at__lt=now - NEEDED_TO_WITHIN).update(needed_at=now)
        made = _prepared(asked, set(rows.values_list("key", flat=True)), language, now)
        prepared += sum(not card.raised for _, card in made)
    return prepared


def _cards(
    papers: Sequence[PaperCard], language: str, now: datetime
) -> Iterator[tuple[int, PreparedCard]]:
    """Yield each paper's card with its counts filled in."""
    for asked, failed in _asked(papers, language):
        rows = StoredCard.objects.filter(key__in=[one.key for one in asked])
        found = {
            key: PreparedCard.from_bytes(bytes(content))
            for key, content in rows.values_list("key", "content")
        }
        found |= dict(_prepared(asked, found.keys(), language, now))
        for key, wanted, counts in asked:
            yield wanted.paper.id, found[key].counted(*counts)
        yield from failed


def _prepared(
    asked: Sequence[_Asked], known: Set[str], language: str, now: datetime
) -> Iterator[tuple[str, PreparedCard]]:
    """Prepare the cards that are not `known` and store them, block by block. A paper that raised
    an exception is tried again the next time.
    """
    missing = [one for one in asked if one.key not in known]
    for start in range(0, len(missing), PREPARED_AT_ONCE):
        block = missing[start : start + PREPARED_AT_ONCE]
        made = prepare_cards([one.wanted for one in block], language)
        cards = [(one.key, card) for one, card in zip(block, made, strict=True)]
        StoredCard.objects.bulk_create(
            [
                StoredCard(key=key, content=card.to_bytes(), needed_at=now)
                for key, card in cards
                if not card.raised
            ],
            ignore_conflicts=True,
        )
        yield from cards
