"""Showing: what of a digest may be shown, cleaned of what would harm a mail."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from newsletter.composing.content import Digest, DigestPick
from newsletter.composing.facts import EditionFacts
from newsletter.composing.typesetting import clean_line


class UnknownPaper(ValueError):
    """A digest picks a paper that its edition does not hold."""


def shown_digest(digest: Digest, facts: EditionFacts, dropped: Sequence[tuple[int, str]]) -> Digest:
    """Return the digest without papers that were dropped from the edition, and with every text of it as one clean line.

    Raises:
        UnknownPaper: when a picked paper is not in the edition at all.
    """
    left_out = {paper_id for paper_id, _reason in dropped}
    picks = tuple(_clean_pick(pick) for pick in digest.picks if pick.paper_id not in left_out)
    if missing := [pick.paper_id for pick in picks if pick.paper_id not in facts.titles]:
        raise UnknownPaper(f"Edition {facts.edition_id} does not hold the papers {missing}.")
    return replace(digest, address=_clean(digest.address), note=_clean(digest.note), picks=picks)


@lru_cache(maxsize=65_536)
def _clean_pick(pick: DigestPick) -> DigestPick:
    """Reasons repeat: readers with a topic in common get the same paper for the same reason."""
    reasons = tuple(reason for reason in map(_clean, pick.reasons) if reason)
    return replace(pick, reasons=reasons, topic=_clean(pick.topic))


def _clean(text: str) -> str:
    return clean_line(text, 400)
