"""Headers of a digest: who it is from in a machine's eyes, and how to leave with one click."""

from ingest.cleaning import one_line
from newsletter.composing.content import Digest
from newsletter.composing.facts import EditionFacts
from newsletter.composing.publication import Publication

LONGEST_ADDRESS = 76
"""Brackets included. Python's modern mail policy makes longer words into encoded ones, which
mailbox providers do not read.
"""


class HeaderTooLong(ValueError):
    """A link does not fit into a header; a shorter SITE_URL or UNSUBSCRIBE_ADDRESS is needed."""


def digest_headers(publication: Publication, facts: EditionFacts, digest: Digest) -> dict[str, str]:
    """Return the headers of a digest beside From, To, Subject and Date.

    One-click leaving is RFC 8058 and RFC 2369, List-Id RFC 2919, Auto-Submitted RFC 3834.
    Feedback-ID groups Gmail's complaint rates and names no reader. The Message-ID is the same
    whenever this digest is made again.

    Raises:
        HeaderTooLong: when the leave link with its brackets is over 76 characters.
    """
    return own_headers(publication, facts, digest) | edition_headers(publication, facts)


def own_headers(publication: Publication, facts: EditionFacts, digest: Digest) -> dict[str, str]:
    """Return those that differ from reader to reader."""
    return {
        "Message-ID": f"<{facts.edition_id}.{digest.message_key}@{publication.host}>",
        "List-Unsubscribe": _ways_to_leave(publication, digest.links.leave),
    }


def edition_headers(publication: Publication, facts: EditionFacts) -> dict[str, str]:
    """Return those that all digests of an edition share."""
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": _list_id(publication, facts.cadence),
        "Feedback-ID": f"{facts.day}:{facts.cadence}:digest:{publication.sender_id}",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def _ways_to_leave(publication: Publication, leave: str) -> str:
    """Return the one HTTPS address, and a mail address beside it where one is set and fits."""
    link = f"<{leave}>"
    if len(link) > LONGEST_ADDRESS:
        raise HeaderTooLong(
            f"The link to leave has {len(link)} characters, {LONGEST_ADDRESS} are allowed: "
            "SITE_URL is too long."
        )
    token = leave.rstrip("/").rpartition("/")[2]
    by_mail = f"<mailto:{publication.unsubscribe_address}?subject={token}>"
    return (
        f"{link}, {by_mail}"
        if publication.unsubscribe_address and len(by_mail) <= LONGEST_ADDRESS
        else link
    )


def _list_id(publication: Publication, cadence: str) -> str:
    """Return a name that stays the same for ever; the phrase only where it is plain ASCII, since
    the label is what counts.
    """
    label = f"<{cadence}.{publication.host}>"
    phrase = one_line(f"{publication.name} {cadence}")
    return f"{phrase} {label}" if phrase.isascii() and phrase.replace(" ", "").isalnum() else label
