"""Teaching a reader's taste: what they did with papers becomes weights of words
(newsletter.ranking.taste).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import structlog

from ingest.models import Paper
from newsletter.editions.archive import archive_statistics
from newsletter.models import FeedbackKind
from newsletter.ranking.archive import fit_archive
from newsletter.ranking.taste import TasteEvent, UnreadableTaste, forget, learn
from subscriptions.taste import change_taste

log = structlog.get_logger(__name__)

WEIGHTS = {FeedbackKind.MORE.value: 1.0, FeedbackKind.FEWER.value: -1.0}
CLICK_WEIGHT = 0.25
"""A click says less than a word: people also open what turns out not to be for them."""


def said(paper: Paper, kind: str, day: date) -> TasteEvent:
    """Return what “more” or “fewer like this” teaches."""
    return TasteEvent(paper.title, paper.abstract, WEIGHTS[kind], day)


def taken_back(paper: Paper, kind: str, day: date) -> TasteEvent:
    """Return what undoes an earlier word, as faded by now as the word itself."""
    return TasteEvent(paper.title, paper.abstract, -WEIGHTS[kind], day, counts=-1)


def clicked(paper: Paper, day: date) -> TasteEvent:
    """Return what following a link to a paper teaches."""
    return TasteEvent(paper.title, paper.abstract, CLICK_WEIGHT, day)


def teach(subscriber_id: int, events: Sequence[TasteEvent], *, now: datetime) -> bool:
    """Add what these events teach to the reader's taste; return whether they are still an active
    reader.
    """
    archive = archive_statistics() or fit_archive((event.title, event.abstract) for event in events)

    def taught(taste: bytes) -> bytes:
        try:
            return learn(taste, events, archive)
        except UnreadableTaste as error:
            log.warning("taste_unreadable", subscriber=subscriber_id, error=str(error))
            return learn(b"", events, archive)

    return change_taste(subscriber_id, taught, now=now)


def forget_words(subscriber_id: int, wordings: Iterable[str], *, now: datetime) -> bool:
    """Take single words out of the reader's taste; return whether they are still an active
    reader.
    """

    def without(taste: bytes) -> bytes:
        try:
            for wording in wordings:
                taste = forget(taste, wording)
        except UnreadableTaste:
            return b""
        return taste

    return change_taste(subscriber_id, without, now=now)
