"""Readers for the demo: confirmed from the start, which no real reader ever is without their own
click.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from subscriptions.addresses import fold, validate
from subscriptions.models import (
    Cadence,
    Consent,
    ConsentKind,
    Profile,
    Subscriber,
    SubscriberState,
    Topic,
)
from subscriptions.models.profile import Choices
from subscriptions.wording import clean_phrases


class BadReaders(ValueError):
    """A file of demo readers cannot be used; the message says which and why. Nothing was stored."""


@transaction.atomic
def load_demo_readers(path: Path, *, now: datetime) -> tuple[int, int]:
    """Store the readers of a JSON file as confirmed; return how many are new and how many were
    there and were left alone.

    Raises:
        BadReaders: in production, or when the file or an entry of it cannot be used.
    """
    if settings.PRODUCTION:
        raise BadReaders(
            "Demo readers have confirmed nothing, so they are not loaded where ENVIRONMENT is "
            "production."
        )
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadReaders(f"{path} cannot be read as JSON: {error}") from error
    topics = dict(Topic.objects.values_list("slug", "pk"))
    new = 0
    for number, entry in enumerate(entries, start=1):
        try:
            new += _store(entry, topics, now)
        except (KeyError, TypeError, ValidationError) as error:
            raise BadReaders(f"{path}: reader {number} cannot be used: {error}") from error
    return new, len(entries) - new


def _store(entry: dict[str, Any], topics: dict[str, int], now: datetime) -> bool:
    address = validate(entry["email"])
    if Subscriber.objects.filter(address_key=fold(address)).exists():
        return False
    choices = Choices(
        topics=tuple(sorted(topics[slug] for slug in entry["topics"])),
        phrases=clean_phrases(entry["phrases"]),
        muted=clean_phrases(entry["muted"]),
        minimum_votes=entry["minimum_votes"],
        papers_per_digest=entry["papers_per_digest"],
        balance=entry["balance"],
    )
    reader = Subscriber(
        address=address,
        address_key=fold(address),
        state=SubscriberState.ACTIVE,
        created_at=now,
        confirmed_at=now,
        cadence=Cadence(entry["cadence"]),
        hour=entry["hour"],
        timezone=entry["timezone"],
        language=entry["language"],
        profile=Profile.objects.of(choices, now=now),
    )
    reader.full_clean()
    reader.save()
    Consent.objects.create(
        subscriber=reader, kind=ConsentKind.CONFIRMED, at=now, evidence="demo reader, not a person"
    )
    return True
