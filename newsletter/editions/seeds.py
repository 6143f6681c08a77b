"""What a new site knows about words before it has papers of its own: the sample listings under
seeds/.
"""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ingest.files import reading_time
from ingest.sources import huggingface, listing
from newsletter.ranking.archive import ArchiveStatistics, fit_archive

SEEDS = Path(settings.BASE_DIR) / "seeds"
SEEDS_END = date(2025, 1, 31)
"""The pages carry no year; all of them are older than this day."""

Text = tuple[str, str]


@lru_cache(maxsize=1)
def seed_texts() -> tuple[Text, ...]:
    """Return (title, abstract) of every sample paper, each once; nothing where the folder was
    left out of an installation.
    """
    return tuple(sorted(dict(_texts()).items()))


@lru_cache(maxsize=1)
def seed_archive() -> ArchiveStatistics | None:
    """Return the statistics of the sample papers alone, or None without any."""
    texts = seed_texts()
    return fit_archive(texts) if texts else None


def _texts() -> Iterator[Text]:
    for path in sorted(SEEDS.glob("listings/*.txt")):
        for sighting in listing.parse(path.read_bytes(), today=SEEDS_END).sightings:
            yield sighting.title, sighting.abstract
    for path in sorted(SEEDS.glob("huggingface/*.json")):
        seen_at = reading_time(path)
        if seen_at is not None:
            for sighting in huggingface.parse(path.read_bytes(), seen_at=seen_at).sightings:
                yield sighting.title, sighting.abstract
