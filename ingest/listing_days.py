"""Writing down on which days a source listed which papers, and the counts that were read there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from ingest.counting import count
from ingest.models import Listing, Paper, Source
from ingest.sighting import Reading, Sighting


class Seen(NamedTuple):
    """A stored paper, the day it was listed on, what was read there, and when."""

    paper: Paper
    day: date
    readings: tuple[Reading, ...]
    seen_at: datetime

    @property
    def key(self) -> tuple[int, date]:
        return self.paper.pk, self.day


def seen(paper: Paper, sighting: Sighting) -> Seen | None:
    """Return where a sighting listed its paper; None when it only described it."""
    if sighting.day is None:
        return None
    last = max([sighting.seen_at, *(reading.seen_at for reading in sighting.readings)])
    return Seen(paper, sighting.day, sighting.readings, last)


def list_papers(source: Source, entries: Sequence[Seen | None]) -> tuple[set[int], int]:
    """Store listings and counts; return the places of the entries that brought one, and how many
    new listings there are.

    Where several entries list one paper on one day, the first of them is said to have brought it.
    """
    first: dict[tuple[int, date], int] = {}
    readings: defaultdict[tuple[int, date], list[Reading]] = defaultdict(list)
    last: dict[tuple[int, date], datetime] = {}
    for place, entry in enumerate(entries):
        if entry:
            first.setdefault(entry.key, place)
            readings[entry.key].extend(entry.readings)
            last[entry.key] = max(entry.seen_at, last.get(entry.key, entry.seen_at))
    stored = _stored(source, first)
    fresh = {
        key: Listing(source=source, paper_id=key[0], day=key[1], last_seen_at=last[key])
        for key in first
        if key not in stored
    }
    Listing.objects.bulk_create(fresh.values())
    listings = stored | fresh
    changed = count({listings[key]: readings[key] for key in first}, fresh.values())
    _remember_last_seen(stored, last)
    return {
        place for key, place in first.items() if key in fresh or listings[key].pk in changed
    }, len(fresh)


def _stored(
    source: Source, keys: Mapping[tuple[int, date], int]
) -> dict[tuple[int, date], Listing]:
    papers, days = {paper for paper, _ in keys}, {day for _, day in keys}
    found = Listing.objects.filter(source=source, paper_id__in=papers, day__in=days)
    return {
        (listing.paper_id, listing.day): listing
        for listing in found
        if (listing.paper_id, listing.day) in keys
    }


def _remember_last_seen(
    stored: Mapping[tuple[int, date], Listing], last: Mapping[tuple[int, date], datetime]
) -> None:
    """Move `last_seen_at` forward, one statement for all listings of one instant: usually those
    of one body.
    """
    later: defaultdict[datetime, list[int]] = defaultdict(list)
    for key, listing in stored.items():
        if last[key] > listing.last_seen_at:
            later[last[key]].append(listing.pk)
    for instant, listings in later.items():
        Listing.objects.filter(pk__in=listings).update(last_seen_at=instant)
