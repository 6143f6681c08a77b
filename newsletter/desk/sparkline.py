"""A sparkline: a small picture of numbers over time, as the points of an SVG polyline."""

from collections.abc import Sequence
from datetime import datetime

WIDTH, HEIGHT, MARGIN = 160, 32, 2


def points(series: Sequence[tuple[datetime, int]]) -> str:
    """Return the `points` attribute of a polyline through the series, oldest first, in a box of
    `WIDTH` × `HEIGHT`.

    Time runs to the right and numbers upwards, from the smallest to the greatest of the series.
    Fewer than two instants make no line.
    """
    if len(series) < 2:
        return ""
    first, last = series[0][0], series[-1][0]
    span = (last - first).total_seconds() or 1.0
    low, high = min(number for _, number in series), max(number for _, number in series)
    rise = (high - low) or 1
    placed = (
        (
            MARGIN + (WIDTH - 2 * MARGIN) * (at - first).total_seconds() / span,
            HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (number - low) / rise,
        )
        for at, number in series
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
