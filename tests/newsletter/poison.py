"""Poison for one reader: rows that make choosing this reader's digest raise an exception."""

import struct
from collections.abc import Callable

from ingest.models import Paper
from newsletter.models import MailedHistory
from subscriptions.models import Profile, Subscriber
from tests.newsletter.world import NOON

SECRET = "a wish that nobody else may read"


def with_profile(reader: Subscriber, **fields) -> None:
    """Give the reader a profile of their own with these values, which no page would store."""
    kept = Profile.objects.values().get(pk=reader.profile_id) | {"created_at": NOON}
    kept |= {"id": None, "content_hash": f"poisoned {reader.pk}"} | fields
    profile = Profile.objects.create(**kept)
    Subscriber.objects.filter(pk=reader.pk).update(profile=profile)


def with_history(reader: Subscriber, offsets: bytes) -> None:
    """Damage the bucket that holds the newest papers."""
    newest = Paper.objects.latest("pk").pk
    bucket = newest // MailedHistory.BUCKET
    MailedHistory.objects.create(subscriber=reader, bucket=bucket, offsets=offsets)


def a_taste(*, version: int = 1, scale: float = 1.0, terms: int = 1) -> bytes:
    """Return a taste with one term, as newsletter.ranking.taste stores it."""
    return struct.pack("<BHHfHB", version, 2200, 3, scale, terms, 0) + b"\x01\x02\x03\x7f"


POISONS: dict[str, Callable[[Subscriber], None]] = {
    "bytes that are no taste": lambda reader: with_profile(reader, taste=b"no taste"),
    "a taste cut short": lambda reader: with_profile(reader, taste=a_taste(terms=400)),
    "a taste of a newer version": lambda reader: with_profile(reader, taste=a_taste(version=2)),
    "a taste without finite weights": lambda reader: with_profile(
        reader, taste=a_taste(scale=float("nan"))
    ),
    "a topic that is no number": lambda reader: with_profile(reader, topics=[SECRET]),
    "a topic beyond all numbers": lambda reader: with_profile(reader, topics=[2**70]),
    "a phrase that is no text": lambda reader: with_profile(reader, phrases=[7]),
    "muted words that are no list": lambda reader: with_profile(reader, muted=7),
    "half a number in the history": lambda reader: with_history(reader, b"\x01"),
    "a history beyond its bucket": lambda reader: with_history(reader, b"\xff\xff"),
}
