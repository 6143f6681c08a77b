"""Schedule: when a reader wants their mail, and the time zones they can name."""

import zoneinfo
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from subscriptions.models import Cadence


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, at which local hour, in which zone and in which language."""

    cadence: Cadence = Cadence.DAILY
    hour: int = 8
    timezone: str = "UTC"
    language: str = "en"


@cache
def timezone_choices() -> list[tuple[str, str | list[tuple[str, str]]]]:
    """Return the time zones by continent for a select; old names stay, since browsers still
    report some of them.
    """
    places = sorted(
        name
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith("Etc/")
    )
    groups = groupby(places, key=lambda name: name.partition("/")[0])
    continents = [
        (continent, [(name, _spoken(name)) for name in names]) for continent, names in groups
    ]
    return [("UTC", "UTC"), *continents]


def offered_timezones() -> set[str]:
    """Return every name in `timezone_choices`."""
    return {
        name
        for value, label in timezone_choices()
        for name in ([value] if isinstance(label, str) else [place for place, _spoken in label])
    }


@lru_cache(maxsize=1024)
def local_zone(name: str) -> ZoneInfo:
    """Return the time zone of a stored name, or UTC for a name that no zone has.

    Names disappear from the time zone database, so a stored one may be unknown some day. That must
    neither break a page nor keep a reader's mail back.
    """
    return _known(name) or ZoneInfo("UTC")


def is_zone(name: str) -> bool:
    """Say whether a zone has this name, or has replaced it."""
    return _known(name) is not None


def _known(name: str) -> ZoneInfo | None:
    return _zone(name) or _zone(replacement(name))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def replacement(name: str) -> str:
    """Return the name that replaced another one, such as America/Los_Angeles for US/Pacific-New
    (CLDR's aliases); a name that was not replaced as it is.
    """
    return str(get_global("zone_aliases").get(name, name))


def _spoken(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", " – ")
