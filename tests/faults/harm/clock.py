"""Harm by the clock: summer time begins and ends, leap day, the end of the year, a clock set back,
readers who move.

Here the experiment is the scheduler: it goes from quarter to quarter of an hour on made-up days,
and gives the workers its time along with each wake-up. Readers are due by a rule of their own
making: once a local day, at the first quarter at which the clock on their wall shows their hour or
a later one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.management import call_command
from django.test import override_settings

from newsletter.editions.day import look_after_editions
from newsletter.models import LEASED, Batch
from newsletter.sending.due import due_batches
from newsletter.sending.sweep import sweep
from newsletter.tasks import tick
from subscriptions.models import Profile, Subscriber
from subscriptions.preferences import change
from subscriptions.schedule import Schedule
from tests.faults.scene import Scene
from tests.newsletter import world

NOMINAL_HOUR = 5
DAYS = 3
FIRST_DAYS = (
    date(2026, 3, 7),  # New York and St. John's go over to summer time on the 8th
    date(2026, 3, 28),  # Berlin on the 29th
    date(2026, 4, 4),  # Lord Howe Island ends it on the 5th, by half an hour
    date(2026, 10, 3),  # and begins it on the 4th
    date(2026, 10, 24),  # Berlin on the 25th
    date(2026, 10, 31),  # New York and St. John's on 1 November
    date(2026, 12, 30),
    date(2028, 2, 28),
)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
)
HOURS = (0, 1, 2, 3, 6, 7, 8, 15, 16, 20)
"""Among them those that the changes of clocks carry over the nominal hour."""
QUARTER = timedelta(minutes=15)
REVIEW, LONGEST_WAIT = timedelta(hours=3), timedelta(hours=26)
MOVER = "mover@example.org"


def readers_in_many_zones(_count: int) -> None:
    """Empty the database but for readers of many hours in five zones, and one who will move."""
    call_command("flush", interactive=False, verbosity=0)
    profile = world.a_profile(_nominal(FIRST_DAYS[0]))
    for zone in ZONES:
        for hour in HOURS:
            _reader(f"{zone.lower().replace('/', '.')}.{hour}@example.org", hour, zone, profile)
    _reader(MOVER, 20, ZONES[0], profile)


def turn_the_clocks(scene: Scene) -> None:
    """Live through some days of each kind; at every quarter exactly those must get mail whose
    wall clock says so.
    """
    with override_settings(EDITION_HOUR=NOMINAL_HOUR):
        for first in FIRST_DAYS:
            _live_through(scene, first)


@dataclass
class Wall:
    """The clock on a reader's wall, and what they have got by it."""

    zone: ZoneInfo
    hour: int
    last: date
    times: int = 0

    def strikes(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        if self.times == DAYS or local.date() <= self.last or local.hour < self.hour:
            return False
        self.last = local.date()
        self.times += 1
        return True


def _live_through(scene: Scene, first: date) -> None:
    days = [first + timedelta(days=number) for number in range(DAYS)]
    for day in days:
        world.papers(4, first=day.toordinal() % 10_000 * 10, day=day)
    walls = {
        reader.address: _wall(reader, _nominal(first))
        for reader in Subscriber.objects.exclude(address=MOVER)
    }
    now, set_back = _nominal(first) - REVIEW, False
    while now <= _nominal(days[-1]) + LONGEST_WAIT:
        if now == _nominal(days[1]) + timedelta(hours=6):
            _move(now)
        if now == _nominal(days[1]) + timedelta(hours=8) and not set_back:
            now, set_back = now - timedelta(hours=1), True
        if now.minute == 0 and now <= _nominal(days[-1]):
            look_after_editions(now)
        got = _newly_accepted(scene, now)
        due = Counter(address for address, wall in walls.items() if wall.strikes(now))
        if got != due:
            raise AssertionError(
                f"at {now:%Y-%m-%d %H:%M} UTC mail went to {sorted(got)} rather than to "
                f"{sorted(due)}"
            )
        now += QUARTER


def _newly_accepted(scene: Scene, now: datetime) -> Mapping[str, int]:
    """Let everything happen that is due, and return who got mail; the one who moves is left to
    the findings.
    """
    before = scene.town.accepted()
    tick(now.isoformat())
    scene.town.wait_for(lambda: not _at_work(now), 60)
    sweep(now)
    got = scene.town.accepted() - before
    got.pop(MOVER, None)
    return got


def _at_work(now: datetime) -> bool:
    return bool(due_batches(now)) or Batch.objects.filter(state__in=LEASED).exists()


def _move(now: datetime) -> None:
    """Let the mover go from one side of the world to the other, between one edition and the
    next.
    """
    reader = Subscriber.objects.select_related("profile").get(address=MOVER)
    zone = ZONES[0] if reader.timezone == ZONES[1] else ZONES[1]
    assert change(
        reader.pk, reader.profile.choices, Schedule(hour=reader.hour, timezone=zone), None, now=now
    )


def _nominal(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, NOMINAL_HOUR, tzinfo=UTC)


def _wall(reader: Subscriber, nominal: datetime) -> Wall:
    """Return the clock of a reader who has had the digest of today if their hour was over, by
    summer time, when the edition was frozen.
    """
    zone = ZoneInfo(reader.timezone)
    offsets = (datetime(nominal.year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    in_summer = nominal + max(offset for offset in offsets if offset is not None)
    had_today = in_summer.time() > time(reader.hour)
    return Wall(zone, reader.hour, in_summer.date() - timedelta(days=not had_today))


def _reader(address: str, hour: int, zone: str, profile: Profile) -> None:
    long_ago = _nominal(FIRST_DAYS[0]) - timedelta(days=30)
    world.a_reader(address=address, now=long_ago, hour=hour, timezone=zone, profile=profile)
