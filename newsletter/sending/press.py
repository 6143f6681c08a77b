"""The press: prints one reader's mail from the edition that was compiled at the freeze. Workers
never compile.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from weakref import WeakKeyDictionary

from django.conf import settings

from newsletter.composing.compiled import CompiledParts
from newsletter.composing.content import Digest, DigestLinks, DigestPick, Section
from newsletter.composing.digest import render
from newsletter.composing.speaking import spoken, spoken_reasons
from newsletter.composing.wire import WireEdition
from newsletter.models import CompiledEdition
from newsletter.ranking.values import Pick, Selection
from newsletter.sending.frozen import FrozenEdition, frozen_edition, topic_name
from newsletter.sending.mail import Mail
from newsletter.sending.readers import Reader
from subscriptions.hashing import keyed_hash
from subscriptions.links import mail_links

KEY_LENGTH = 32
PICKS_KEPT = 16_384
"""For each edition and language. Readers with phrases and tastes of their own bring many that
nobody else gets.
"""


class _Memory:
    """What a worker keeps of an edition, by language: readers of all of them follow one another."""

    def __init__(self, edition_id: int) -> None:
        self._edition_id = edition_id
        self._parts: dict[str, CompiledParts] = {}
        self._wire: dict[str, WireEdition] = {}
        self._voices: dict[str, _Voice] = {}

    def parts(self, language: str) -> CompiledParts:
        return self._parts.get(language) or self._parts.setdefault(
            language, _read(self._edition_id, language)
        )

    def wire(self, language: str) -> WireEdition:
        return self._wire.get(language) or self._wire.setdefault(
            language, WireEdition.of(self.parts(language))
        )

    def voice(self, language: str) -> "_Voice":
        return self._voices.get(language) or self._voices.setdefault(
            language, _Voice(self._edition_id, language)
        )


_memories: WeakKeyDictionary[FrozenEdition, _Memory] = WeakKeyDictionary()
"""Each lasts as long as `frozen` keeps the edition."""


def _memory(edition_id: int) -> _Memory:
    return _memories.setdefault(frozen_edition(edition_id), _Memory(edition_id))


def compiled_parts(edition_id: int, language: str) -> CompiledParts:
    """Return the compiled edition in the reader's language, or in the one of everybody else where
    it was not compiled in that one.

    Raises:
        CompiledEdition.DoesNotExist: when the edition was never compiled.
        UnreadableEdition: when it was stored by another version.
    """
    return _memory(edition_id).parts(language)


def _read(edition_id: int, language: str) -> CompiledParts:
    rows = CompiledEdition.objects.filter(
        edition=edition_id, language__in=[language, settings.LANGUAGE_CODE]
    )
    stored = dict(rows.values_list("language", "content"))
    if not stored:
        raise CompiledEdition.DoesNotExist(f"edition {edition_id} is not compiled")
    return CompiledParts.from_bytes(bytes(stored.get(language) or stored[settings.LANGUAGE_CODE]))


def forget() -> None:
    """Empty the memory, for a process whose database was replaced."""
    _memories.clear()


def message_key(edition_id: int, reader_id: int) -> str:
    """Return the stable name of a digest, from which its Message-ID is made: the same whenever
    it is printed, and no one else can.
    """
    return keyed_hash("message", f"{edition_id}/{reader_id}")[:KEY_LENGTH]


class Press:
    """Prints the mails of one batch. What they share is worked out once."""

    def __init__(
        self, edition_id: int, now: datetime, *, first: bool = False, as_bytes: bool = False
    ) -> None:
        """Set it up.

        Args:
            now: when the links that expire begin to count, and the date of the mails.
            first: whether they are digests right after confirming.
            as_bytes: whether the way out takes whole messages.
        """
        self._edition_id = edition_id
        self._memory = _memory(edition_id)
        self._timestamp = now.timestamp()
        self._first = first
        self._as_bytes = as_bytes
        self._links = mail_links(now)
        self._counts_clicks = settings.COUNT_CLICKS

    def print(self, delivery_id: int, reader: Reader, selection: Selection) -> Mail:
        """Print the mail of one delivery; what its data raise is the caller's to handle."""
        edition_id, language, links, act = (
            self._edition_id,
            reader.language,
            self._links,
            self._links.act(delivery_id),
        )
        digest = Digest(
            edition_id,
            delivery_id,
            reader.id,
            reader.address,
            self._memory.voice(language).shown(selection.picks),
            DigestLinks(
                leave=links.leave(reader.id, edition_id),
                preferences=links.preferences(reader.id),
                view=links.view(delivery_id),
                act=act,
                read=f"{act}read/" if self._counts_clicks else "",
            ),
            message_key(edition_id, reader.id),
            language,
            spoken(selection.note, language) if selection.note else "",
            self._first,
        )
        printed = (
            self._memory.wire(language).mail(digest, self._timestamp)
            if self._as_bytes
            else render(self._memory.parts(language), digest)
        )
        return Mail(delivery_id, edition_id, reader.address, digest.message_key, printed)


class _Known:
    """The picks that a voice has met. Replaced as a whole: an id is known no longer than its
    pick is kept, whatever other threads do.
    """

    __slots__ = ("by_content", "by_identity", "met")

    def __init__(self) -> None:
        self.by_identity: dict[int, DigestPick] = {}
        self.by_content: dict[DigestPick, DigestPick] = {}
        self.met: list[Pick] = []
        """All of whom the ids are known: kept, so that nothing else can take one."""


class _Voice:
    """The picks of an edition as digests in one language show them.

    Readers with a topic in common get the same paper for the same reasons, and mostly as the same
    object: by that it is found without a look at its words.
    """

    def __init__(self, edition_id: int, language: str) -> None:
        self._edition_id = edition_id
        self._language = language
        self._known = _Known()

    def shown(self, picks: Sequence[Pick]) -> tuple[DigestPick, ...]:
        """Return the picks as they are shown; equal ones are one object."""
        try:
            return tuple(map(self._known.by_identity.__getitem__, map(id, picks)))
        except KeyError:
            return tuple(
                [self._known.by_identity.get(id(pick)) or self._meet(pick) for pick in picks]
            )

    def _meet(self, pick: Pick) -> DigestPick:
        if len(self._known.met) >= PICKS_KEPT:
            self._known = _Known()
        known = self._known
        one = DigestPick(
            paper_id=pick.paper_id,
            reasons=spoken_reasons(pick.reasons, self._language),
            section=cast("Section", pick.section),
            topic=topic_name(self._edition_id, pick.topic_id),
        )
        known.met.append(pick)
        known.by_identity[id(pick)] = shown = known.by_content.setdefault(one, one)
        return shown
