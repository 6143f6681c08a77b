"""Schedule: when a reader wants their mail, and the time zones they can name."""

import zoneinfo
from dataclasses import dataclass
from functools import cache
from itertools import groupby

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


def _spoken(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", " – ")
