"""Suppression: addresses we may not write to, whatever anyone asks for, and why.

Each reason is a row of its own, so it comes and goes without the others. An erasure and a complaint
are lifted by the owner of the mailbox, who signs up again and confirms; until then only that
confirmation may go there. A bounce is lifted by staff. Nothing lifts a decision of staff.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from subscriptions.addresses import fold
from subscriptions.hashing import hash_under
from subscriptions.models import Subscriber, Suppression, SuppressionKey, SuppressionReason

BOUNCED = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES})
"""Reasons that staff may lift."""
OWNER_LIFTS = frozenset({SuppressionReason.ERASED, SuppressionReason.COMPLAINT})
"""Reasons that the owner of the mailbox lifts by confirming a new sign-up."""


def hash_keys(*, to_store: bool = False) -> list[str]:
    """Return the keys under which addresses are hashed, the current one first.

    Without `SUPPRESSION_KEY` it is a key that is derived from the SECRET_KEY of the first stored
    hash and is stored since: a later change of SECRET_KEY changes nothing here.

    Args:
        to_store: the hashes will be stored, so the key must be too.
    """
    given = [settings.SUPPRESSION_KEY, *settings.SUPPRESSION_KEY_FALLBACKS]
    stored = SuppressionKey.objects.values_list("key", flat=True).first()
    if stored is None and not settings.SUPPRESSION_KEY:
        stored = hash_under(settings.SECRET_KEY, "suppression-key", "")
        if to_store:
            stored = SuppressionKey.objects.get_or_create(pk=1, defaults={"key": stored})[0].key
    return [key for key in (*given, stored) if key]


def address_hashes(address: str, keys: Collection[str] | None = None) -> list[str]:
    """Return the keyed hashes that an address may be remembered under, that of the current key
    first.

    Args:
        keys: what `hash_keys` returned, for many addresses in a row.
    """
    key = fold(address)
    return [hash_under(secret, "address", key) for secret in keys or hash_keys()]


def suppress(address: str, reason: SuppressionReason, *, now: datetime) -> None:
    """Never write to an address again, until the reason is lifted."""
    follow({address: {reason: now}}, {}, now=now)


def follow(
    given: Mapping[str, Mapping[SuppressionReason, datetime]],
    taken_back: Mapping[str, tuple[datetime, datetime]],
    *,
    now: datetime,
) -> None:
    """Bring the suppressions of some addresses in line with what is known. The number of queries
    does not depend on that of the addresses.

    Args:
        given: by address, the reasons that hold and the instant of each. One that was lifted later
            than that stays lifted.
        taken_back: by address whose complaints were all taken back, when the last one was made
            and when it was taken back.
    """
    keys = hash_keys(to_store=True)
    hashes = {address: address_hashes(address, keys) for address in {*given, *taken_back}}
    owners = {hashed: address for address, some in hashes.items() for hashed in some}
    with transaction.atomic():
        _lock_readers(hashes)
        rows = {
            (owners[row.address_hash], row.reason): row
            for row in Suppression.objects.select_for_update()
            .filter(address_hash__in=owners)
            .order_by("pk")
        }
        changed: dict[tuple[str, str], tuple[datetime, datetime | None]] = {}
        for address, reasons in given.items():
            for reason, at in reasons.items():
                row = rows.get((address, reason))
                if row is not None and row.lifted_at is not None and at <= row.lifted_at:
                    continue
                at = max(at, row.at) if row is not None else at
                changed[address, reason] = (at, None)
        for address, (made, lifted_at) in taken_back.items():
            row = rows.get((address, SuppressionReason.COMPLAINT))
            if row is None or (row.lifted_at is None and row.at <= lifted_at):
                changed[address, SuppressionReason.COMPLAINT] = (made, lifted_at)
        Suppression.objects.bulk_create(
            [
                Suppression(
                    address_hash=rows[owner].address_hash if owner in rows else hashes[owner[0]][0],
                    reason=owner[1],
                    at=at,
                    lifted_at=lifted_at,
                    key_name=rows[owner].key_name if owner in rows else key_name(keys[0]),
                )
                for owner, (at, lifted_at) in changed.items()
            ],
            update_conflicts=True,
            unique_fields=["address_hash", "reason"],
            update_fields=["at", "lifted_at"],
        )
        lifted = {owner: row.lifted_at for owner, row in rows.items()}
        lifted |= {owner: lifted_at for owner, (_at, lifted_at) in changed.items()}
        held = {address for (address, _reason), at in lifted.items() if at is None}
        free = {address for (address, _reason), (_at, at) in changed.items() if at} - held
        _mark_readers(held, free, now)


def _lock_readers(addresses: Iterable[str]) -> None:
    """Lock the readers of some addresses, in order of their ids, before their suppressions: whoever
    confirms or is erased does so too.
    """
    readers = Subscriber.objects.filter(address_key__in=[*map(fold, addresses)])
    list(readers.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _mark_readers(held: Collection[str], free: Collection[str], now: datetime) -> None:
    """Write into the rows of locked readers whether we may write to them."""
    Subscriber.objects.filter(
        address_key__in=[*map(fold, held)], suppressed_at__isnull=True
    ).update(suppressed_at=now)
    Subscriber.objects.filter(
        address_key__in=[*map(fold, free)], suppressed_at__isnull=False
    ).update(suppressed_at=None)


def bounces_lifted(addresses: Collection[str]) -> dict[str, datetime]:
    """Return when staff lifted the bounces of some addresses; those without are left out."""
    keys = hash_keys()
    owners = {hashed: address for address in addresses for hashed in address_hashes(address, keys)}
    rows = Suppression.objects.filter(
        address_hash__in=owners, reason__in=BOUNCED, lifted_at__isnull=False
    ).order_by("lifted_at")
    found = rows.values_list("address_hash", "lifted_at")
    return {owners[hashed]: at for hashed, at in found if at is not None}


def is_suppressed(address: str) -> bool:
    """Say whether we may not write to an address, also when it was stored under an earlier key."""
    return _held(address).exists()


def only_bounced(address: str) -> bool:
    """Say whether an address is suppressed because mail to it bounces, and for nothing that a
    person said.
    """
    reasons = reasons_of(address)
    return bool(reasons) and reasons <= BOUNCED


def reasons_of(address: str) -> set[str]:
    """Return why an address is suppressed; an empty set if it is not."""
    return set(_held(address).values_list("reason", flat=True))


def history_of(address: str) -> QuerySet[Suppression]:
    """Return every suppression of an address, lifted ones too, the newest first."""
    return _of(address).order_by("-at")


def owner_may_confirm(address: str) -> bool:
    """Say whether a confirmation may go to an address though it is suppressed: its owner lifts
    every reason by confirming.
    """
    return reasons_of(address) <= OWNER_LIFTS


def lift_by_owner(address: str, *, now: datetime) -> None:
    """Lift what the owner of a mailbox lifts by confirming: a complaint, and an erasure, which is
    forgotten.
    """
    with transaction.atomic():
        _lock_readers([address])
        forgotten = _of(address).filter(reason=SuppressionReason.ERASED).delete()[0]
        lifted = _held(address).filter(reason__in=OWNER_LIFTS).update(lifted_at=now)
        if forgotten or lifted:
            _free_if_nothing_holds(address, now)


def lift_bounces(address: str, *, now: datetime) -> bool:
    """Let mail go to an address again that bounced; return whether there was a bounce to lift.
    Staff decide so. Other reasons stay.
    """
    with transaction.atomic():
        _lock_readers([address])
        lifted = _held(address).filter(reason__in=BOUNCED).update(lifted_at=now)
        if lifted:
            _free_if_nothing_holds(address, now)
    return bool(lifted)


def _free_if_nothing_holds(address: str, now: datetime) -> None:
    if not is_suppressed(address):
        _mark_readers((), [address], now)


def rekey() -> int:
    """Hash the addresses that we still know under the current key; return how many suppressions are
    left under an earlier one, because nobody knows their address.
    """
    keys = hash_keys()
    for reader in Subscriber.objects.exclude(address="").only("address").iterator():
        current, *earlier = address_hashes(reader.address, keys)
        Suppression.objects.filter(address_hash__in=earlier).update(
            address_hash=current, key_name=key_name(keys[0])
        )
    return Suppression.objects.exclude(key_name=key_name(keys[0])).count()


def key_name(key: str) -> str:
    """Return what a key is called in rows: not the key, and the same each time."""
    return hash_under(key, "suppression-key-name", "")[:8]


def _held(address: str) -> QuerySet[Suppression]:
    return _of(address).filter(lifted_at=None)


def _of(address: str) -> QuerySet[Suppression]:
    return Suppression.objects.filter(address_hash__in=address_hashes(address))
