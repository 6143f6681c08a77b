"""Writing readings down as Counts: one row per change, whatever order the readings come in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ingest import history
from ingest.models import Count, Listing
from ingest.sighting import Reading

BATCH = 2_000


def count(readings: Mapping[Listing, Sequence[Reading]], fresh: Iterable[Listing] = ()) -> set[int]:
    """Add readings to the histories of their stored listings; return the keys of the listings whose history changed.

    `fresh` listings were made in this transaction and have no history to load.
    """
    known = _known([listing for listing in readings if listing not in set(fresh)])
    changed: set[int] = set()
    created: list[Count] = []
    for listing, new in readings.items():
        rows = known.get(listing.pk, {})
        before = tuple(_reading(row) for row in rows.values())
        after = history.merged(before, listing.last_seen_at, new)
        if after != before:
            changed.add(listing.pk)
            created.extend(_rewritten(listing, rows, after))
    Count.objects.bulk_create(created, batch_size=BATCH)
    return changed


def rewrite(listing: Listing, other: Listing) -> None:
    """Add the history of another listing to this one's, and remember the later of their readings."""
    rows = Count.objects.filter(listing=other).order_by("seen_at")
    count({listing: [_reading(row) for row in rows]})
    if other.last_seen_at > listing.last_seen_at:
        listing.last_seen_at = other.last_seen_at
        listing.save(update_fields=["last_seen_at"])


def _known(listings: Sequence[Listing]) -> dict[int, dict[datetime, Count]]:
    """Return the stored counts of each listing by their instant, oldest first."""
    rows: dict[int, dict[datetime, Count]] = {}
    for row in Count.objects.filter(listing__in=listings).order_by("listing_id", "seen_at"):
        rows.setdefault(row.listing_id, {})[row.seen_at] = row
    return rows


def _rewritten(listing: Listing, rows: Mapping[datetime, Count], after: Sequence[Reading]) -> list[Count]:
    """Bring the stored rows to the new history: return what is to be created, and mend at once what came out of order."""
    wanted = {reading.seen_at: reading for reading in after}
    gone = [row.pk for instant, row in rows.items() if instant not in wanted]
    if gone:
        Count.objects.filter(pk__in=gone).delete()
    for instant, reading in wanted.items():
        if instant in rows and _reading(rows[instant]) != reading:
            Count.objects.filter(pk=rows[instant].pk).update(votes=reading.votes, comments=reading.comments, rank=reading.rank)
    return [
        Count(listing=listing, seen_at=reading.seen_at, votes=reading.votes, comments=reading.comments, rank=reading.rank)
        for reading in after
        if reading.seen_at not in rows
    ]


def _reading(row: Count) -> Reading:
    return Reading(row.seen_at, row.votes, row.comments, row.rank)
