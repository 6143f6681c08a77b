"""Moving: a reader takes their subscription to another address, once that mailbox has agreed."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from subscriptions import letters
from subscriptions.addresses import fold, hinted
from subscriptions.mail_limits import check_reader
from subscriptions.models import (
    AddressChange,
    Consent,
    ConsentKind,
    LetterKind,
    RequestBreaker,
    RequestedBy,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.registry import forget
from subscriptions.suppression import is_suppressed, only_bounced


def ask(subscriber_id: int, address: str, *, now: datetime) -> bool:
    """Note where an active reader wants their mail, and ask that mailbox; return whether they are
    still active.

    An address that has a subscription is told so, as when it is signed up again; one we may not
    write to gets nothing. Every address takes the same steps, so that neither the answer nor its
    time tells them apart.

    Raises:
        TooManyRequests: the reader asked too often; nothing is stored.
    """
    with transaction.atomic():
        # The limits of the new mailbox are counted together with what strangers ask for.
        RequestBreaker.objects.locked()
        reader, holder = _locked(subscriber_id, fold(address))
        if reader is None or reader.state != SubscriberState.ACTIVE:
            return False
        check_reader(reader, now)
        change = _wish(reader, address, now)
        obstacle = _obstacle(change, reader)
        known = holder is not None and holder.state == SubscriberState.ACTIVE
        letters.write(
            holder if known else reader,
            LetterKind.SIGN_UP_AGAIN if known else LetterKind.CHANGE_ADDRESS,
            now=now,
            requested_by=RequestedBy.READER,
            mailbox=address,
            address_change=change,
            obstacle=obstacle,
        )
    return True


def _wish(reader: Subscriber, address: str, now: datetime) -> AddressChange:
    """Return the one open change of a reader. Asking again for an address keeps the link good
    that its mailbox has already.
    """
    key = fold(address)
    reader.address_changes.open().exclude(address_key=key).update(replaced_at=now)
    change, _new = reader.address_changes.update_or_create(
        address_key=key,
        made_at=None,
        defaults={"address": address, "requested_at": now, "replaced_at": None},
    )
    return change


def look_up(address_change_id: int) -> AddressChange | None:
    """Return a change that was made, or that its reader still wants."""
    change = (
        AddressChange.objects.select_related("subscriber")
        .filter(pk=address_change_id, replaced_at=None)
        .first()
    )
    if change is None or (change.is_open and change.subscriber.state != SubscriberState.ACTIVE):
        return None
    return change


def move(address_change_id: int, *, now: datetime) -> bool:
    """Make a change of address, for which its new mailbox has asked; return whether it is made now
    or was before.

    Whoever signed up under that address without confirming, or has left it, gives way: the person
    who has the mailbox wants this. A bounce stays with the address that bounced.
    """
    try:
        with transaction.atomic():
            return _move(address_change_id, now)
    except IntegrityError:  # a sign-up took the address after we looked: that decides who has it
        return False


def _move(address_change_id: int, now: datetime) -> bool:
    named = AddressChange.objects.filter(pk=address_change_id).first()
    if named is None:
        return False
    reader, holder = _locked(named.subscriber_id, named.address_key)
    # Only now nobody else changes it.
    change = AddressChange.objects.filter(pk=address_change_id, replaced_at=None).first()
    if change is None or reader is None or change.made_at is not None:
        return change is not None and change.made_at is not None
    if reader.state != SubscriberState.ACTIVE or _obstacle(change, reader):
        return False
    if holder is not None:
        if holder.state == SubscriberState.ACTIVE:
            return False
        forget(holder, now=now)
    _write(change, reader, now)
    return True


def _write(change: AddressChange, reader: Subscriber, now: datetime) -> None:
    AddressChange.objects.filter(pk=change.pk).update(
        made_at=now, former=reader.address, former_key=reader.address_key
    )
    Subscriber.objects.filter(pk=reader.pk).update(
        address=change.address, address_key=change.address_key, suppressed_at=None
    )
    # Their links lie in the former mailbox, which must not agree for the new one.
    SignUp.objects.filter(subscriber=reader, confirmed_at=None).delete()
    Consent.objects.create(
        subscriber=reader, kind=ConsentKind.MOVED, at=now, evidence=_evidence(change, reader)
    )
    letters.write(
        reader,
        LetterKind.ADDRESS_CHANGED,
        now=now,
        requested_by=RequestedBy.READER,
        address_change=change,
    )


def _evidence(change: AddressChange, reader: Subscriber) -> str:
    """Say both acts: the wish on the preferences page, and the new mailbox's word."""
    asked = (
        f"asked on the preferences page {change.requested_at:%Y-%m-%d %H:%M} UTC, agreed by link "
        "to the new address"
    )
    return f"{asked}; {hinted(reader.address)} to {hinted(change.address)}"[:200]


def _locked(subscriber_id: int, address_key: str) -> tuple[Subscriber | None, Subscriber | None]:
    """Return the reader and whoever else has an address, both locked, in an order in which no
    two movers wait for each other.
    """
    rows = (
        Subscriber.objects.select_for_update()
        .filter(Q(pk=subscriber_id) | Q(address_key=address_key))
        .order_by("pk")
    )
    found = {row.pk == subscriber_id: row for row in rows}
    return found.get(True), found.get(False)


def _obstacle(change: AddressChange, reader: Subscriber) -> str:
    """Say why a reader may not move to an address, whoever asks; empty when they may.

    Who complained, or whom staff keep from our mail, does not get it again by another address.
    Whose mailbox is gone may.
    """
    suppressed = is_suppressed(change.address)
    if reader.suppressed_at is not None and not only_bounced(reader.address):
        return "we may not write to this reader"
    if change.address_key == reader.address_key:
        return "the reader has this address already"
    return letters.NOT_TO_THIS_ADDRESS if suppressed else ""
