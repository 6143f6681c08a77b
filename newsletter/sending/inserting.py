"""Inserting: the deliveries of a claim, a few hundred rows at once. PostgreSQL takes them by COPY, which costs a fifth."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from newsletter.models import Delivery, DeliveryStatus

PARTS_KEPT = 65_536


class NewDelivery(NamedTuple):
    """A row to be. `papers` are ids in mailed order, `parts` the score parts of each, five."""

    subscriber_id: int
    status: DeliveryStatus
    position: int = 0
    reason: str = ""
    profile_id: int | None = None
    papers: Sequence[int] = ()
    parts: Sequence[tuple[int, ...]] = ()
    settled_at: datetime | None = None


def insert_deliveries(edition_id: int, batch_id: int, rows: Sequence[NewDelivery], now: datetime) -> list[int]:
    """Insert the rows, all or none, and return their ids in the same order. The batch and the readers are rows that the caller has locked.

    Raises:
        IntegrityError: a reader has a delivery of the edition already.
    """
    if connection.vendor == "postgresql":
        return _copied(edition_id, batch_id, rows, now)
    deliveries = [Delivery(edition_id=edition_id, batch_id=batch_id, claimed_at=now, **row._asdict()) for row in rows]
    return [delivery.pk for delivery in Delivery.objects.bulk_create(deliveries)]


def _copied(edition_id: int, batch_id: int, rows: Sequence[NewDelivery], now: datetime) -> list[int]:
    if not rows:
        return []
    at = now.isoformat()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('newsletter_delivery_id_seq') FROM generate_series(1, %s)", [len(rows)])
        ids = [number for (number,) in cursor.fetchall()]
        lines = [_line(f"{number}\t{edition_id}\t{batch_id}\t{at}", row) for number, row in zip(ids, rows, strict=True)]
        with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            copy.write("".join(lines))
    return ids


def _line(beginning: str, row: NewDelivery) -> str:
    r"""Return a row in COPY's text format, where \N stands for NULL."""
    profile = r"\N" if row.profile_id is None else row.profile_id
    settled = r"\N" if row.settled_at is None else row.settled_at.isoformat()
    papers, parts = _array(map(str, row.papers)), _array(map(_numbers, row.parts))
    reason = _escaped(row.reason) if row.reason else ""
    return f"{beginning}\t{row.subscriber_id}\t{row.status.value}\t{row.position}\t{reason}\t{profile}\t{papers}\t{parts}\t{settled}\t0\t\n"


def _array(elements: Iterable[str]) -> str:
    return f"{{{','.join(elements)}}}"


@lru_cache(maxsize=PARTS_KEPT)
def _numbers(parts: Sequence[int]) -> str:
    """Return a paper's parts as an array within one; readers with like tastes share them."""
    return _array(map(str, parts))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


_COPY = """
    COPY newsletter_delivery
    (id, edition_id, batch_id, claimed_at, subscriber_id, status, position, reason, profile_id, papers, parts,
    settled_at, attempts, outcome)
    FROM STDIN
"""
