"""Days without an edition, so that the site says so instead of showing an old one as if nothing
had happened.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from newsletter.editions.opening import nominal_instant
from newsletter.models import AFTER_FREEZE, Edition, EditionCadence, EditionState

GRACE = timedelta(minutes=30)
"""How long after its instant an edition may still be in the making."""
LOOKED_BACK = 30
"""Days that the archive looks back."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A day that has no daily edition, and why, in a sentence for readers."""

    day: date
    reason: str


def missing_today(now: datetime) -> Missing | None:
    """Return the newest day that should have an edition and has none. None while all is well,
    before there ever was one, and when staff have already frozen the edition of a later day.
    """
    found = missing_days(now, 1)
    if not found or _frozen().filter(day__gt=found[0].day).exists():
        return None
    return found[0]


def missing_days(now: datetime, days: int = LOOKED_BACK) -> list[Missing]:
    """Return the days without a daily edition since the first one, of the newest `days` that
    should have one, newest first.
    """
    daily = Edition.objects.filter(cadence=EditionCadence.DAILY)
    first = _frozen().order_by("day").values_list("day", flat=True).first()
    newest = (
        now.date() if nominal_instant(now.date()) + GRACE <= now else now.date() - timedelta(days=1)
    )
    wanted = [newest - timedelta(days=back) for back in range(days)]
    states = dict(daily.filter(day__in=wanted).values_list("day", "state"))
    return [
        Missing(day, _reason(states.get(day)))
        for day in wanted
        if first is not None and day > first and states.get(day) not in AFTER_FREEZE
    ]


def _frozen() -> QuerySet[Edition]:
    return Edition.objects.filter(cadence=EditionCadence.DAILY, state__in=AFTER_FREEZE)


def _reason(state: str | None) -> str:
    if state == EditionState.HELD:
        return _("The editors are holding it back for now.")
    if state == EditionState.CANCELLED:
        return _("It was cancelled.")
    return _("It could not be made in time.")
