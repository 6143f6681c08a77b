"""What a process keeps in memory of frozen editions: what never changes of them, read once; what
ranking their readers costs; and profiles that readers share.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from newsletter.garbage import collect_now
from newsletter.models import FINISHED, Candidate, Edition, Ids
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import ReaderProfile
from subscriptions.models import Profile

EDITIONS_KEPT = 3
"""A daily and a weekly edition that are sent, and the one before while its last readers get it."""
PROFILES_KEPT = 20_000
FIRST_BLOCK = 100
BLOCK_TIME = timedelta(seconds=2)
"""How long ranking a block of readers may take: a small part of the shortest lease."""


@dataclass(slots=True)
class Pace:
    """How many readers of the edition this process ranks within `BLOCK_TIME`, by the last block
    that it measured.
    """

    readers: int = FIRST_BLOCK

    def note(self, readers: int, took: timedelta) -> None:
        """Note how long ranking a block of so many readers took."""
        if took:
            self.readers = max(1, int(readers * (BLOCK_TIME / took)))


class FrozenEdition:
    """What never changes of one frozen edition, each part read when it is first asked for, and the
    pace of ranking its readers.
    """

    def __init__(self, edition_id: int) -> None:
        self.id = edition_id
        self.pace = Pace()

    @cached_property
    def edition(self) -> Edition:
        return Edition.objects.only("cadence", "nominal_at").get(pk=self.id)

    @cached_property
    def statistics(self) -> EditionStatistics:
        stored = (
            Edition.objects.filter(statistics__isnull=False)
            .values_list("statistics", flat=True)
            .get(pk=self.id)
        )
        return EditionStatistics.from_bytes(bytes(stored or b""))

    @cached_property
    def papers(self) -> frozenset[int]:
        return frozenset(Candidate.objects.filter(edition=self.id).values_list("paper", flat=True))

    @cached_property
    def topic_names(self) -> dict[int, str]:
        return {topic.id: topic.name for topic in self.statistics.topics}


_editions: dict[int, FrozenEdition] = {}
"""By id, the one that was asked for last at the end."""


def frozen_edition(edition_id: int) -> FrozenEdition:
    """Return what is kept of the edition. At most `EDITIONS_KEPT` are, and one that is done goes as
    soon as another is asked for.
    """
    found = _editions.pop(edition_id, None)
    if found is None:
        _make_room()
        found = FrozenEdition(edition_id)
    _editions[edition_id] = found
    return found


def _make_room() -> None:
    """Drop the editions that are over, and the one that was not asked for longest if there are too
    many, and give their memory back.
    """
    kept = list(_editions)
    over = Edition.objects.filter(pk__in=kept, state__in=FINISHED).values_list("pk", flat=True)
    dropped = set(over) if kept else set()
    left = [one for one in kept if one not in dropped]
    dropped.update(left[: max(len(left) - EDITIONS_KEPT + 1, 0)])
    for one in dropped:
        _editions.pop(one, None)
    if dropped:
        collect_now()


def edition_of(edition_id: int) -> Edition:
    """Return the edition with what never changes of it, its cadence and nominal instant;
    anything else would be read when asked for.
    """
    return frozen_edition(edition_id).edition


def statistics_of(edition_id: int) -> EditionStatistics:
    """Return the edition's frozen statistics. They never change, so a worker reads them once."""
    return frozen_edition(edition_id).statistics


def frozen_papers(edition_id: int) -> frozenset[int]:
    """Return the ids of the papers that the edition was frozen with."""
    return frozen_edition(edition_id).papers


def topic_name(edition_id: int, topic_id: int | None) -> str:
    """Return the topic's name as it was at the freeze; empty for none."""
    return "" if topic_id is None else frozen_edition(edition_id).topic_names[topic_id]


def pace_of(edition_id: int) -> Pace:
    """Return the pace of the edition, which changes as blocks are measured."""
    return frozen_edition(edition_id).pace


_profiles: dict[int, ReaderProfile] = {}


def reader_profiles(profile_ids: Collection[int]) -> dict[int, ReaderProfile]:
    """Return the profiles by id as the ranking wants them. A stored profile never changes, so
    those that readers share are read once.
    """
    found = {pk: _profiles[pk] for pk in profile_ids if pk in _profiles}
    missing = {*profile_ids} - found.keys()
    if missing:
        rows = Profile.objects.filter(pk__among=Ids(missing)).values_list("pk", *_COLUMNS)
        read = {pk: _reader_profile(*values) for pk, *values in rows}
        shared = {pk: one for pk, one in read.items() if _is_shared(one)}
        if len(_profiles) + len(shared) > PROFILES_KEPT:
            _profiles.clear()
        _profiles.update(shared)
        found |= read
    return found


def _is_shared(profile: ReaderProfile) -> bool:
    """Whether several readers may have it. One with words or a taste of its own is one reader's,
    whom a process meets once a day.
    """
    return not (profile.phrases or profile.muted or profile.taste)


_COLUMNS = ("topics", "phrases", "muted", "minimum_votes", "papers_per_digest", "balance", "taste")


def _reader_profile(
    topics: list[int],
    phrases: list[str],
    muted: list[str],
    minimum_votes: int,
    papers_per_digest: int,
    balance: int,
    taste: bytes,
) -> ReaderProfile:
    return ReaderProfile(
        tuple(topics),
        tuple(phrases),
        tuple(muted),
        minimum_votes,
        papers_per_digest,
        balance,
        bytes(taste),
    )


def forget() -> None:
    """Empty the memory, for a process whose database was replaced."""
    _editions.clear()
    _profiles.clear()
