"""Writing readings down as Counts: one row per change, whatever order the readings come in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ingest import history
from ingest.models import Count, Listing
from ingest.sighting import Reading

BATCH = 2_000


def count(readings: Mapping[Listing, Sequence[Reading]], fresh: Iterable[Listing] = ()) -> set[int]:
    """Add readings to the histories of their stored listings; return the keys of the listings whose
    history changed.

    `fresh` listings were made in this transaction and have no history to load.
    """
    made = {listing.pk for listing in fresh}
    known = _known([listing for listing in readings if listing.pk not in made])
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


def readings_of(listing: Listing) -> tuple[Reading, ...]:
    """Return the stored history of a listing, oldest first."""
    return tuple(_reading(row) for row in Count.objects.filter(listing=listing).order_by("seen_at"))


def rewrite(listing: Listing, readings: Iterable[Reading], last_seen_at: datetime) -> None:
    """Replace the history of a stored listing by what the readings make together."""
    Count.objects.filter(listing=listing).delete()
    Count.objects.bulk_create(
        _row(listing, reading) for reading in history.merged((), None, readings)
    )
    if last_seen_at != listing.last_seen_at:
        listing.last_seen_at = last_seen_at
        listing.save(update_fields=["last_seen_at"])


def _known(listings: Sequence[Listing]) -> dict[int, dict[datetime, Count]]:
    """Return the stored counts of each listing by their instant, oldest first."""
    rows: dict[int, dict[datetime, Count]] = {}
    for row in Count.objects.filter(listing__in=listings).order_by("listing_id", "seen_at"):
        rows.setdefault(row.listing_id, {})[row.seen_at] = row
    return rows


def _rewritten(
    listing: Listing, rows: Mapping[datetime, Count], after: Sequence[Reading]
) -> list[Count]:
    """Bring the stored rows to the new history: return what is to be created, and mend at once
    what came out of order.
    """
    wanted = {reading.seen_at: reading for reading in after}
    gone = [row.pk for instant, row in rows.items() if instant not in wanted]
    if gone:
        Count.objects.filter(pk__in=gone).delete()
    for instant, reading in wanted.items():
        if instant in rows and _reading(rows[instant]) != reading:
            Count.objects.filter(pk=rows[instant].pk).update(
                votes=reading.votes, comments=reading.comments, rank=reading.rank
            )
    return [_row(listing, reading) for reading in after if reading.seen_at not in rows]


def _row(listing: Listing, reading: Reading) -> Count:
    return Count(
        listing=listing,
        seen_at=reading.seen_at,
        votes=reading.votes,
        comments=reading.comments,
        rank=reading.rank,
    )


def _reading(row: Count) -> Reading:
    return Reading(row.seen_at, row.votes, row.comments, row.rank)
