"""The history of a listing's counts: what a series of readings says, kept as one row per change.
Pure.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ingest.sighting import Reading


def merged(
    known: Sequence[Reading], last_seen_at: datetime | None, new: Iterable[Reading]
) -> tuple[Reading, ...]:
    """Return the history that `known` and the `new` readings make together, oldest first, one
    reading per change.

    `last_seen_at` is until when the last of `known` is known to hold. Of two readings of one
    instant the one with more votes counts. A value that a reading does not say is taken from the
    reading before.
    """
    timeline: dict[datetime, Reading] = {}
    if known and last_seen_at:
        timeline[last_seen_at] = replace(known[-1], seen_at=last_seen_at)
    for reading in (*known, *new):
        other = timeline.get(reading.seen_at)
        if other is None or _size(reading) > _size(other):
            timeline[reading.seen_at] = reading
    history: list[Reading] = []
    for instant in sorted(timeline):
        reading = _completed(timeline[instant], history[-1]) if history else timeline[instant]
        if not history or _values(reading) != _values(history[-1]):
            history.append(reading)
    return tuple(history)


def value_at(history: Sequence[Reading], instant: datetime) -> Reading | None:
    """Return the newest reading at or before the instant of a history that is ordered by time;
    None before the first.
    """
    place = bisect_right(history, instant, key=lambda reading: reading.seen_at)
    return history[place - 1] if place else None


def _values(reading: Reading) -> tuple[int | None, int | None, int | None]:
    return reading.votes, reading.comments, reading.rank


def _size(reading: Reading) -> tuple[int, ...]:
    return tuple(-1 if value is None else value for value in _values(reading))


def _completed(reading: Reading, before: Reading) -> Reading:
    return Reading(
        reading.seen_at,
        before.votes if reading.votes is None else reading.votes,
        before.comments if reading.comments is None else reading.comments,
        before.rank if reading.rank is None else reading.rank,
    )
