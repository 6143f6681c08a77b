"""Showing: what of a digest may be shown, cleaned of what would harm a mail."""

from collections.abc import Sequence

from newsletter.composing.content import Digest, DigestPick
from newsletter.composing.facts import EditionFacts
from newsletter.composing.typesetting import clean_line


class UnknownPaper(ValueError):
    """A digest picks a paper that its edition does not hold."""


def shown_digest(digest: Digest, facts: EditionFacts, dropped: Sequence[tuple[int, str]]) -> Digest:
    """Return the digest without papers that were dropped from the edition, and with every text of
    it as one clean line.

    Raises:
        UnknownPaper: when a picked paper is not in the edition at all.
    """
    picks = tuple(
        shown_pick(pick, facts) for pick in digest.picks if pick.paper_id not in left_out(dropped)
    )
    return digest._replace(
        address=shown_line(digest.address), note=shown_line(digest.note), picks=picks
    )


def left_out(dropped: Sequence[tuple[int, str]]) -> frozenset[int]:
    """Return the ids of papers that no digest shows."""
    return frozenset(paper_id for paper_id, _reason in dropped)


def shown_pick(pick: DigestPick, facts: EditionFacts) -> DigestPick:
    """Return the pick with clean words.

    Raises:
        UnknownPaper: when its paper is not in the edition.
    """
    if pick.paper_id not in facts.titles:
        raise UnknownPaper(f"Edition {facts.edition_id} does not hold the paper {pick.paper_id}.")
    reasons = tuple(reason for reason in map(shown_line, pick.reasons) if reason)
    return pick._replace(reasons=reasons, topic=shown_line(pick.topic))


def shown_line(text: str) -> str:
    """Return a text that somebody else wrote as one clean line."""
    return clean_line(text, 400)
