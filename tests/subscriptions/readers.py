"""Plain factories for readers and what belongs to them."""

from datetime import UTC, datetime, timedelta

from subscriptions.addresses import fold
from subscriptions.models import LetterKind, LetterState, Profile, Subscriber, SubscriberState
from subscriptions.models.profile import Choices

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_reader(address="ada@example.org", state=SubscriberState.ACTIVE, choices=None, **fields):
    """Store a reader who confirmed an hour ago, unless told otherwise."""
    if state in {SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED}:
        fields.setdefault("confirmed_at", NOW - HOUR)
    if state == SubscriberState.UNSUBSCRIBED:
        fields.setdefault("left_at", NOW - HOUR)
    return Subscriber.objects.create(
        address=address,
        address_key=fold(address),
        state=state,
        created_at=NOW - HOUR,
        profile=Profile.objects.of(choices or Choices(), now=NOW),
        **fields,
    )


def a_change(reader, address="bea@example.org", **fields):
    """Store the reader's wish to move to an address, as asked for now."""
    return reader.address_changes.create(
        address=address, address_key=fold(address), requested_at=NOW, **fields
    )


def a_letter(reader, kind=LetterKind.PREFERENCES, state=LetterState.WAITING, **fields):
    """Store a letter that is due now; one about a change of address with that change."""
    if kind == LetterKind.CHANGE_ADDRESS and "address_change" not in fields:
        fields["address_change"] = a_change(reader)
    if kind == LetterKind.ADDRESS_CHANGED and "address_change" not in fields:
        fields["address_change"] = a_change(
            reader, made_at=NOW, former="ann@example.org", former_key="ann@example.org"
        )
    fields.setdefault("created_at", NOW)
    fields.setdefault("send_after", NOW)
    return reader.letters.create(kind=kind, state=state, **fields)
