"""Harm by single rows: readers for whom no digest can be chosen, and an edition that nobody can
rank.
"""

from collections import Counter

from django.db.models import F

from newsletter.models import Alert, AlertKind, Batch, Delivery, DeliveryStatus
from tests.faults.readers import is_done, mend_the_edition
from tests.faults.scene import Scene
from tests.newsletter.poison import POISONS, SECRET


def fail_alone(scene: Scene) -> None:
    """The poisoned readers fail with a reason each, and hold up no batch."""
    scene.town.wait_for(is_done, 120)
    reasons = list(
        Delivery.objects.filter(status=DeliveryStatus.FAILED).values_list("reason", flat=True)
    )
    if len(reasons) != len(POISONS) or not all(
        reason.startswith("could not be chosen: ") for reason in reasons
    ):
        raise AssertionError(f"these reasons were given: {reasons}")
    if any(SECRET in reason or "@" in reason for reason in reasons):
        raise AssertionError(f"a reason quotes its reader: {reasons}")
    if failed := Batch.objects.filter(failures__gt=0).count():
        raise AssertionError(f"{failed} batches could not be claimed")
    kinds = Counter(reason.split()[4].rstrip(":") for reason in reasons)
    scene.notes.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()))


def ask_staff(scene: Scene) -> None:
    """No batch can be claimed: staff are asked after three failures, nobody is failed or mailed
    meanwhile, and everybody is mailed once the edition can be read again.
    """
    scene.town.wait_for(_is_shown, 120)
    if scene.town.accepted() or Delivery.objects.exists():
        raise AssertionError("an edition that cannot be ranked reached readers")
    tried = Batch.objects.failing().count()
    mend_the_edition()
    scene.over()
    scene.make_waiting_due()
    scene.town.wait_for(is_done, 120)
    if Alert.objects.standing().exists():
        raise AssertionError("staff are still asked although all is well")
    scene.notes.append(f"staff were asked for {tried} batches")


def _is_shown() -> bool:
    """Say whether staff are asked; the pauses between the tries, minutes by design, are cut short
    meanwhile.
    """
    Batch.objects.filter(state="planned", failures__gt=0).update(send_after=F("slot_at"))
    return Alert.objects.shown().filter(kind=AlertKind.BATCHES).exists()
