"""Suppression: addresses we may not write to, whatever anyone asks for."""

from datetime import datetime

from django.db import transaction

from subscriptions.addresses import address_hash, address_hashes, fold
from subscriptions.models import Subscriber, Suppression, SuppressionReason


def suppress(address: str, reason: SuppressionReason, *, now: datetime) -> None:
    """Never write to an address again. A second reason changes nothing."""
    with transaction.atomic():
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
    return Suppression.objects.filter(address_hash__in=address_hashes(address)).exists()


def only_bounced(address: str) -> bool:
    """Say whether an address is suppressed because it does not exist, and for nothing that a
    person said.
    """
    reasons = Suppression.objects.filter(address_hash__in=address_hashes(address)).values_list(
        "reason", flat=True
    )
    return set(reasons) == {SuppressionReason.HARD_BOUNCE}
