"""Setting the stage of the demo: papers, topics, readers, and the editions of one fixed day."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db.models import Max, Min

from ingest.models import Listing
from ingest.papers import listed_between
from newsletter.editions import curate, freeze, open_edition
from newsletter.models import Candidate, Edition, EditionCadence, EditionState
from newsletter.sending.plan import plan_edition
from subscriptions.demo_readers import load_demo_readers
from subscriptions.topics import load_topics

SEEDS = Path(settings.BASE_DIR) / "seeds"
SEEDS_YEAR = 2025
"""The year of the sample pages, which pages do not say themselves."""
BOOST = 20


class NothingToSend(RuntimeError):
    """The listings brought no paper; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Day:
    """The fixed day of a demo: it is opened at `now`, and its candidates come from the
    `listing_days` days up to it.
    """

    day: date
    listing_days: int

    @property
    def first(self) -> date:
        return self.day - timedelta(days=self.listing_days - 1)

    @property
    def now(self) -> datetime:
        return datetime.combine(self.day, time(settings.EDITION_HOUR), UTC) - timedelta(
            hours=settings.REVIEW_HOURS
        )


def import_listings(listings: Sequence[Path], year: int | None) -> list[dict[str, Any]]:
    """Import the listing pages, or without any those of `seeds/`; return what `manage.py ingest
    --json` says of each file.

    Raises:
        CommandError: when a file cannot be read; what the others held was stored.
    """
    if listings:
        return _ingest("listing", listings, *(["--page-year", str(year)] if year else []))
    pages = _ingest(
        "listing", sorted(SEEDS.glob("listings/*.txt")), "--page-year", str(year or SEEDS_YEAR)
    )
    return pages + _ingest("huggingface", sorted(SEEDS.glob("huggingface/*.json")))


def _ingest(source: str, paths: Sequence[Path], *options: str) -> list[dict[str, Any]]:
    report = StringIO()
    call_command("ingest", source, *map(str, paths), "--json", *options, stdout=report)
    files: list[dict[str, Any]] = json.loads(report.getvalue())["files"]
    return files


def load_readers(day: Day) -> None:
    """Load the default topics and the demo's readers, who confirmed before the day began."""
    load_topics(SEEDS / "topics.json")
    load_demo_readers(SEEDS / "readers.json", now=day.now - timedelta(days=1))


def newest_day() -> Day:
    """Return the newest day of any listing, with all days that have listings as its window.

    Raises:
        NothingToSend: when nothing is listed.
    """
    days = Listing.objects.aggregate(first=Min("day"), last=Max("day"))
    if days["last"] is None:
        raise NothingToSend(
            "The listings hold no paper with a day. Name pages that do, and their year: make demo "
            "LISTINGS=... YEAR=2025"
        )
    return Day(days["last"], (days["last"] - days["first"]).days + 1)


def prepare(day: Day) -> list[Edition]:
    """Open, curate, freeze and plan the daily and the weekly edition of the day; what an earlier
    run did already stays as it is.
    """
    return [_prepared(cadence, day) for cadence in EditionCadence]


def _prepared(cadence: EditionCadence, day: Day) -> Edition:
    edition = open_edition(cadence, day.day, day.now, days=day.listing_days)
    if edition.state in {EditionState.OPEN, EditionState.REVIEW, EditionState.APPROVED}:
        _curate(edition, day.now)
        freeze(edition.pk, edition.nominal_at)
    plan_edition(edition.pk, edition.nominal_at)
    edition.refresh_from_db()
    return edition


def too_late(day: Day, editions: Sequence[Edition]) -> int:
    """Return how many listed papers came after an earlier demo had frozen its editions of this
    day.
    """
    known = Candidate.objects.filter(edition__in=editions).values("paper")
    return listed_between(day.first, day.day).exclude(pk__in=known).count()


def _curate(edition: Edition, now: datetime) -> None:
    """Lift the most voted paper, with a note: staff's one decision. Made once, though each run of
    an interrupted demo comes by here.

    It is no pin, which would open every digest: the demo is there to show how different digests
    are.
    """
    favourite = (
        edition.candidates.exclude(votes=None).order_by("-votes", "pk").first()
        or edition.candidates.order_by("pk").first()
    )
    if favourite is None or edition.curations.exists():
        return
    curate(edition, favourite.paper, "boost", None, now, BOOST)
    curate(
        edition,
        favourite.paper,
        "note",
        None,
        now,
        "The paper everyone will ask you about this week.",
    )
