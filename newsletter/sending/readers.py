"""The readers of a batch while it is claimed, and what each of them is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from newsletter.models import DeliveryStatus, Edition, Ids
from newsletter.ranking.values import Selection
from newsletter.sending.questions import Question
from newsletter.sending.slots import slot, wants
from subscriptions.models import Subscriber, SubscriberState


class Reader(NamedTuple):
    """A reader's row as it was read."""

    id: int
    address: str
    state: str
    paused_until: datetime | None
    suppressed_at: datetime | None
    cadence: str
    hour: int
    zone: str
    language: str
    profile_id: int


class HandOver(NamedTuple):
    """One digest to be handed over: whose, and what was chosen."""

    position: int
    delivery_id: int
    reader: Reader
    selection: Selection
    attempts: int


_COLUMNS = (
    "pk",
    "address",
    "state",
    "paused_until",
    "suppressed_at",
    "cadence",
    "hour",
    "timezone",
    "language",
    "profile_id",
)


_unlocked = Question(
    "readers",
    lambda ids: Subscriber.objects.filter(pk__among=ids).order_by("pk").values_list(*_COLUMNS),
)
_locked = Question(
    "locked_readers",
    lambda ids: (
        Subscriber.objects.select_for_update(no_key=True)
        .filter(pk__among=ids)
        .order_by("pk")
        .values_list(*_COLUMNS)
    ),
)


def readers_of(ids: Collection[int]) -> list[Reader]:
    """Return the readers in order of id. They may change at any time afterwards."""
    return [*map(Reader._make, _unlocked(Ids(ids)))]


def locked_readers(ids: Collection[int]) -> list[Reader]:
    """Return the readers in order of id, locked until the transaction ends: a reader who leaves
    waits for its end, or has left before.
    """
    return [*map(Reader._make, _locked(Ids(ids)))]


@dataclass(frozen=True, slots=True)
class NotNow:
    """A reader who gets nothing from this batch: settled at once with a reason, or moved to a
    later slot.
    """

    status: DeliveryStatus = DeliveryStatus.SKIPPED
    reason: str = ""
    moved_to: datetime | None = None


LEFT = NotNow(reason="left")
PAUSED = NotNow(reason="paused")
NOT_WANTED = NotNow(reason="not wanted: the reader chose another cadence")
MOVED = NotNow(DeliveryStatus.DEFERRED, "the reader took another address")
SUPPRESSED = NotNow(DeliveryStatus.SUPPRESSED, "we may not write to this address")


def obstacle(reader: Reader, now: datetime) -> NotNow | None:
    """Return what forbids to write to the reader at `now`, None when nothing does."""
    if reader.state != SubscriberState.ACTIVE:
        return LEFT
    if reader.suppressed_at is not None:
        return SUPPRESSED
    if reader.paused_until is not None and reader.paused_until > now:
        return PAUSED
    return None


def not_now(reader: Reader, edition: Edition, now: datetime, *, at_once: bool) -> NotNow | None:
    """Return why the reader gets nothing from a batch they were planned in, by what they want at
    this moment; None when they do.

    `at_once`: the batch waits for nobody's hour or weekday.
    """
    if forbidden := obstacle(reader, now):
        return forbidden
    if at_once:
        return None
    slot_at = slot(edition.nominal_at, reader.hour, reader.zone)
    if not wants(reader.cadence, edition.cadence, slot_at, reader.zone):
        return NOT_WANTED
    if slot_at > now:
        return NotNow(moved_to=slot_at)
    return None


def gone(reader: Reader, now: datetime) -> NotNow | None:
    """Return why a reader who could be written to at the claim cannot be any more; None when they
    can.

    One who took another address meanwhile gets their digest there, in a later batch.
    """
    row = Subscriber.objects.filter(pk=reader.id).values_list(*_COLUMNS).first()
    if row is None:
        return LEFT
    found = Reader._make(row)
    return obstacle(found, now) or (None if found.address == reader.address else MOVED)
