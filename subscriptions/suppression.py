"""Suppression: addresses we may not write to, whatever anyone asks for.

An erasure is the weakest reason. Whoever has the mailbox lifts it by signing up again and
confirming; until then only that confirmation may go there. Any other reason replaces an erasure and
is not lifted by a confirmation.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from subscriptions.addresses import address_hash, address_hashes, fold
from subscriptions.models import Subscriber, Suppression, SuppressionReason


def suppress(address: str, reason: SuppressionReason, *, now: datetime) -> None:
    """Never write to an address again. A second reason changes nothing, unless the first was an
    erasure.
    """
    with transaction.atomic():
        if reason != SuppressionReason.ERASED:
            lift_erasure(address)
        if not is_suppressed(address):
            Suppression.objects.get_or_create(
                address_hash=address_hash(address), defaults={"reason": reason, "at": now}
            )
        Subscriber.objects.filter(address_key=fold(address), suppressed_at=None).update(
            suppressed_at=now
        )


def is_suppressed(address: str) -> bool:
    """Say whether we may not write to an address, also when it was stored under an earlier
    secret.
    """
    return _suppressions_of(address).exists()


def only_bounced(address: str) -> bool:
    """Say whether an address is suppressed because it does not exist, and for nothing that a
    person said.
    """
    return reasons_of(address) == {SuppressionReason.HARD_BOUNCE}


def reasons_of(address: str) -> set[str]:
    """Return why an address is suppressed; an empty set if it is not."""
    return set(_suppressions_of(address).values_list("reason", flat=True))


def lift_erasure(address: str) -> None:
    """Forget that the reader of an address was erased. Other reasons stay."""
    _suppressions_of(address).filter(reason=SuppressionReason.ERASED).delete()


def _suppressions_of(address: str) -> QuerySet[Suppression]:
    return Suppression.objects.filter(address_hash__in=address_hashes(address))
