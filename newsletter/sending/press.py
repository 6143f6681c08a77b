"""The press: prints one reader's mail from the edition that was compiled at the freeze. Workers never compile."""

from datetime import datetime
from functools import lru_cache
from typing import cast

from django.conf import settings

from newsletter.composing.compiled import CompiledParts
from newsletter.composing.content import Digest, DigestLinks, DigestPick, Section
from newsletter.composing.digest import render
from newsletter.composing.speaking import spoken, spoken_reasons
from newsletter.composing.wire import WireEdition
from newsletter.models import CompiledEdition
from newsletter.ranking.values import Reason, Selection
from newsletter.sending.frozen import topic_name
from newsletter.sending.mail import Mail
from newsletter.sending.readers import Reader
from subscriptions.hashing import keyed_hash
from subscriptions.links import mail_links

KEY_LENGTH = 32


@lru_cache(maxsize=3)
def compiled_parts(edition_id: int, language: str) -> CompiledParts:
    """Return the compiled edition in the reader's language, or in the one of everybody else where it was not compiled in that one.

    Raises:
        CompiledEdition.DoesNotExist: when the edition was never compiled.
        UnreadableEdition: when it was stored by another version.
    """
    rows = CompiledEdition.objects.filter(edition=edition_id, language__in=[language, settings.LANGUAGE_CODE])
    stored = dict(rows.values_list("language", "content"))
    if not stored:
        raise CompiledEdition.DoesNotExist(f"edition {edition_id} is not compiled")
    return CompiledParts.from_bytes(bytes(stored.get(language) or stored[settings.LANGUAGE_CODE]))


@lru_cache(maxsize=3)
def wire_edition(edition_id: int, language: str) -> WireEdition:
    """Return the same, encoded for the wire."""
    return WireEdition.of(compiled_parts(edition_id, language))


def forget() -> None:
    """Empty the memory, for a process whose database was replaced."""
    compiled_parts.cache_clear()
    wire_edition.cache_clear()
    _shown.cache_clear()


def message_key(edition_id: int, reader_id: int) -> str:
    """Return the stable name of a digest, from which its Message-ID is made: the same whenever it is printed, and no one else can."""
    return keyed_hash("message", f"{edition_id}/{reader_id}")[:KEY_LENGTH]


class Press:
    """Prints the mails of one batch. What they share is worked out once."""

    def __init__(self, edition_id: int, now: datetime, *, first: bool = False, as_bytes: bool = False) -> None:
        """Set it up.

        Args:
            now: when the links that expire begin to count, and the date of the mails.
            first: whether they are digests right after confirming.
            as_bytes: whether the way out takes whole messages.
        """
        self._edition_id = edition_id
        self._timestamp = now.timestamp()
        self._first = first
        self._as_bytes = as_bytes
        self._links = mail_links(now)
        self._counts_clicks = settings.COUNT_CLICKS

    def print(self, delivery_id: int, reader: Reader, selection: Selection) -> Mail:
        """Print the mail of one delivery; what its data raise is the caller's to handle."""
        edition_id, links, act = self._edition_id, self._links, self._links.act(delivery_id)
        digest = Digest(
            edition_id=edition_id,
            delivery_id=delivery_id,
            subscriber_id=reader.id,
            address=reader.address,
            picks=tuple(
                [_shown(edition_id, reader.language, pick.paper_id, pick.reasons, pick.section, pick.topic_id) for pick in selection.picks]
            ),
            links=DigestLinks(
                leave=links.leave(reader.id, edition_id),
                preferences=links.preferences(reader.id),
                view=links.view(delivery_id),
                act=act,
                read=f"{act}read/" if self._counts_clicks else "",
            ),
            message_key=message_key(edition_id, reader.id),
            language=reader.language,
            note=spoken(selection.note, reader.language),
            first=self._first,
        )
        printed = (
            wire_edition(edition_id, reader.language).mail(digest, self._timestamp)
            if self._as_bytes
            else render(compiled_parts(edition_id, reader.language), digest)
        )
        return Mail(delivery_id, edition_id, reader.address, digest.message_key, printed)


@lru_cache(maxsize=65_536)
def _shown(edition_id: int, language: str, paper_id: int, reasons: tuple[Reason, ...], section: str, topic_id: int | None) -> DigestPick:
    """Return a pick as a digest shows it. Readers with a topic in common get the same paper for the same reasons."""
    return DigestPick(
        paper_id=paper_id,
        reasons=spoken_reasons(reasons, language),
        section=cast("Section", section),
        topic=topic_name(edition_id, topic_id),
    )
