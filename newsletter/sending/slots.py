"""The slot rule: when a reader's edition is due.

An edition has a fixed nominal instant, and a reader's slot is the first local hour they want at or
after it, whenever the freeze really was. "After" is judged by summer time all year: else a change
of clocks would carry an hour near the instant over it, and its readers would get two editions at
once in autumn and none on a day in spring. So each edition is one local day's, and each local day
has one.

An hour that a change of clocks leaves out moves forward by the gap, in Greenland over midnight; of
an hour that comes twice the first counts (PEP 495, fold 0).
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from subscriptions.models import Cadence
from subscriptions.schedule import local_zone

SATURDAY = 5


@lru_cache(maxsize=65_536)
def slot(nominal_at: datetime, hour: int, zone: str) -> datetime:
    """Return the UTC instant at which a reader in `zone` who wants `hour` (0 to 23) is due."""
    here = local_zone(zone)
    nominal = nominal_at.astimezone(UTC).replace(tzinfo=None) + _greatest_offset(
        zone, nominal_at.year
    )
    wanted = nominal.replace(hour=hour, minute=0, second=0, microsecond=0)
    if wanted < nominal:
        wanted += timedelta(days=1)
    return wanted.replace(tzinfo=here).astimezone(UTC)


@lru_cache(maxsize=4096)
def _greatest_offset(zone: str, year: int) -> timedelta:
    """Return how far a zone's clocks are ahead of UTC at most: its summer time, where it has
    one.
    """
    firsts = (datetime(year, month, 1, tzinfo=local_zone(zone)) for month in range(1, 13))
    return max(first.utcoffset() or timedelta() for first in firsts)


def wants(cadence: str, edition_cadence: str, slot_at: datetime, zone: str) -> bool:
    """Say whether a reader of this cadence wants the edition: "weekdays" means the slot's local
    weekday.
    """
    if cadence == Cadence.WEEKDAYS:
        return (
            edition_cadence == Cadence.DAILY
            and slot_at.astimezone(local_zone(zone)).weekday() < SATURDAY
        )
    return cadence == edition_cadence
