"""What a worker keeps in memory of a frozen edition: what never changes of it, read once; what
ranking its readers costs; and the profiles it has met.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from newsletter.models import Candidate, Edition, Ids
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import ReaderProfile
from subscriptions.models import Profile

PROFILES_KEPT = 20_000
FIRST_BLOCK = 100
BLOCK_TIME = timedelta(seconds=2)
"""How long ranking a block of readers may take: a small part of the shortest lease."""


@lru_cache(maxsize=3)
def edition_of(edition_id: int) -> Edition:
    """Return the edition with what never changes of it, its cadence and nominal instant;
    anything else would be read when asked for.
    """
    return Edition.objects.only("cadence", "nominal_at").get(pk=edition_id)


@lru_cache(maxsize=3)
def statistics_of(edition_id: int) -> EditionStatistics:
    """Return the edition's frozen statistics. They never change, so a worker reads them once."""
    stored = (
        Edition.objects.filter(statistics__isnull=False)
        .values_list("statistics", flat=True)
        .get(pk=edition_id)
    )
    return EditionStatistics.from_bytes(bytes(stored or b""))


@lru_cache(maxsize=3)
def frozen_papers(edition_id: int) -> frozenset[int]:
    """Return the ids of the papers that the edition was frozen with."""
    return frozenset(
        Candidate.objects.filter(edition=edition_id).values_list("paper_id", flat=True)
    )


@lru_cache(maxsize=3)
def _topic_names(edition_id: int) -> dict[int, str]:
    return {topic.id: topic.name for topic in statistics_of(edition_id).topics}


def topic_name(edition_id: int, topic_id: int | None) -> str:
    """Return the topic's name as it was at the freeze; empty for none."""
    return "" if topic_id is None else _topic_names(edition_id)[topic_id]


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


@lru_cache(maxsize=3)
def pace_of(_edition_id: int) -> Pace:
    """Return the pace of the edition, which changes as blocks are measured."""
    return Pace()


_profiles: dict[int, ReaderProfile] = {}


def reader_profiles(profile_ids: Collection[int]) -> dict[int, ReaderProfile]:
    """Return the profiles by id as the ranking wants them. A stored profile never changes, so
    those met before are not read again.
    """
    missing = {*profile_ids} - _profiles.keys()
    if missing:
        if len(_profiles) + len(missing) > PROFILES_KEPT:
            _profiles.clear()
            missing = {*profile_ids}
        for pk, *values in Profile.objects.filter(pk__among=Ids(missing)).values_list(
            "pk", *_COLUMNS
        ):
            _profiles[pk] = _reader_profile(*values)
    return {pk: _profiles[pk] for pk in profile_ids}


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
    edition_of.cache_clear()
    statistics_of.cache_clear()
    frozen_papers.cache_clear()
    _topic_names.cache_clear()
    pace_of.cache_clear()
    _profiles.clear()
