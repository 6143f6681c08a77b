"""The privacy registry: everything we hold about a reader, so that export and erasure can walk it
and miss nothing.

Each app registers what it holds when it is loaded (`AppConfig.ready`). Erasing runs in the order of
registration, and the reader's own row comes last, since all else points to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import ManyToOneRel

from subscriptions.models import (
    AddressChange,
    Consent,
    Letter,
    Profile,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.models.profile import Choices
from subscriptions.suppression import suppress


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of thing held about a reader.

    `export` returns plain rows that JSON can carry; `erase` removes what identifies the reader and
    returns how many rows it touched.
    """

    name: str
    export: Callable[[Subscriber], list[dict[str, Any]]]
    erase: Callable[[Subscriber], int]


ERASED_WITH_ITS_ADDRESS = "erased with the address that it was about"
_holdings: dict[str, Holding] = {}


def register(holding: Holding) -> None:
    """Add what an app holds; a second holding of the same name replaces the first, so that
    reloading an app is harmless.
    """
    _holdings[holding.name] = holding


def export_reader(reader: Subscriber) -> dict[str, list[dict[str, Any]]]:
    """Return everything held about a reader, by holding."""
    return {
        "reader": [_row(reader)],
        **{name: holding.export(reader) for name, holding in _holdings.items()},
    }


def erase_reader(reader: Subscriber, *, now: datetime) -> dict[str, int]:
    """Forget a reader and return the receipt: how many rows of each holding were erased.

    The row itself stays, without address and choices, so that the books of past editions still
    balance. A keyed hash of the address stays too, so that it is not mailed again by mistake, until
    its owner signs up again and confirms (`subscriptions.suppression`).
    """
    with transaction.atomic():
        reader = Subscriber.objects.select_for_update().get(pk=reader.pk)
        if reader.state == SubscriberState.ERASED:
            return {}
        suppress(reader.address, SuppressionReason.ERASED, now=now)
        _forget_changes_to(reader.address_key)
        return forget(reader, now=now)


def forget(reader: Subscriber, *, now: datetime) -> dict[str, int]:
    """Empty the row of a reader whom the caller has locked, and all that is held about them; return
    the receipt.

    The address is free afterwards: whoever has that mailbox may sign up or move there.
    """
    with transaction.atomic():
        named = _profiles_of(reader)
        receipt = {name: holding.erase(reader) for name, holding in _holdings.items()}
        Subscriber.objects.filter(pk=reader.pk).update(
            state=SubscriberState.ERASED,
            address="",
            address_key=f"erased:{reader.pk}",
            paused_until=None,
            timezone="UTC",
            language="en",
            hour=8,
            profile=Profile.objects.of(Choices(), now=now),
        )
        receipt["profiles"] = Profile.objects.filter(pk__in=named).delete_unused(now)
    return receipt | {"reader": 1}


def _profiles_of(reader: Subscriber) -> set[int]:
    """Return the profiles that rows about the reader name, in whatever app. What the reader had
    chosen before that is named by no row any more; it is deleted within days, as of all readers.
    """
    named = {reader.profile_id}
    for relation in Profile._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel) and relation.related_model is not Subscriber:
            rows = relation.field.model._default_manager.filter(subscriber=reader)
            named.update(rows.values_list(relation.field.name, flat=True).distinct())
    return named - {None}


def _forget_changes_to(address_key: str) -> None:
    """Delete the changes of address, of whomever, that name an address, and what a provider said
    about the mails to it.
    """
    changes = AddressChange.objects.naming(address_key)
    letters = Letter.objects.filter(address_change__in=changes).exclude(error="")
    letters.update(error=ERASED_WITH_ITS_ADDRESS)
    changes.delete()


def _row(reader: Subscriber) -> dict[str, Any]:
    choices = reader.profile.choices
    return {
        "address": reader.address,
        "state": reader.state,
        "signed_up": reader.created_at.isoformat(),
        "confirmed": reader.confirmed_at.isoformat() if reader.confirmed_at else None,
        "left": reader.left_at.isoformat() if reader.left_at else None,
        "paused_until": reader.paused_until.isoformat() if reader.paused_until else None,
        "suppressed": reader.suppressed_at.isoformat() if reader.suppressed_at else None,
        "cadence": reader.cadence,
        "hour": reader.hour,
        "time_zone": reader.timezone,
        "language": reader.language,
        "topics": list(choices.topics),
        "phrases": list(choices.phrases),
        "muted": list(choices.muted),
        "minimum_votes": choices.minimum_votes,
        "papers_per_digest": choices.papers_per_digest,
        "balance": choices.balance,
    }


def _export_consents(reader: Subscriber) -> list[dict[str, Any]]:
    return [
        {"kind": consent.kind, "at": consent.at.isoformat(), "evidence": consent.evidence}
        for consent in reader.consents.all()
    ]


def _keep_consents(reader: Subscriber) -> int:
    """Keep the dates, which prove that past mail was wanted and name nobody once the address is
    gone; drop how they were given.
    """
    return Consent.objects.filter(subscriber=reader).update(evidence="")


def _export_sign_ups(reader: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "requested": sign_up.requested_at.isoformat(),
            "confirmed": sign_up.confirmed_at.isoformat() if sign_up.confirmed_at else None,
            "cadence": sign_up.cadence,
            "hour": sign_up.hour,
            "time_zone": sign_up.timezone,
            "language": sign_up.language,
            "topics": sign_up.profile.topics,
        }
        for sign_up in reader.sign_ups.select_related("profile")
    ]


def _export_letters(reader: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "kind": letter.kind,
            "state": letter.state,
            "created": letter.created_at.isoformat(),
            "sent": letter.sent_at.isoformat() if letter.sent_at else None,
        }
        for letter in reader.letters.all()
    ]


def _export_address_changes(reader: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "new_address": change.address,
            "former_address": change.former,
            "requested": change.requested_at.isoformat(),
            "made": change.made_at.isoformat() if change.made_at else None,
        }
        for change in reader.address_changes.all()
    ]


register(Holding("letters", _export_letters, lambda reader: reader.letters.all().delete()[0]))
register(
    Holding(
        "address_changes",
        _export_address_changes,
        lambda reader: reader.address_changes.all().delete()[0],
    )
)
register(Holding("sign_ups", _export_sign_ups, lambda reader: reader.sign_ups.all().delete()[0]))
register(Holding("consents", _export_consents, _keep_consents))
