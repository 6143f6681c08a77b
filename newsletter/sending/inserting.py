"""Inserting: the deliveries of a claim, a few hundred rows at once. PostgreSQL takes them by
COPY, which costs a fifth.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from django.db import connection

from newsletter.models import Delivery, DeliveryStatus
from newsletter.ranking.values import Pick, papers_of

PARTS_KEPT = 65_536
NULL = r"\N"
_PARTS = itemgetter(Pick._fields.index("parts"))


class NewDelivery(NamedTuple):
    """A row to be. `picks` are the papers in mailed order, with their score parts."""

    subscriber_id: int
    status: DeliveryStatus
    position: int = 0
    reason: str = ""
    profile_id: int | None = None
    picks: Sequence[Pick] = ()
    settled_at: datetime | None = None


def insert_deliveries(
    edition_id: int, batch_id: int, rows: Sequence[NewDelivery], now: datetime
) -> list[int]:
    """Insert the rows, all or none, and return their ids in the same order. The batch and the
    readers are rows that the caller has locked.

    Raises:
        IntegrityError: a reader has a delivery of the edition already.
    """
    if connection.vendor == "postgresql":
        return _copied(edition_id, batch_id, rows, now)
    return [
        delivery.pk
        for delivery in Delivery.objects.bulk_create(
            _delivery(edition_id, batch_id, row, now) for row in rows
        )
    ]


def _delivery(edition_id: int, batch_id: int, row: NewDelivery, now: datetime) -> Delivery:
    return Delivery(
        edition_id=edition_id,
        batch_id=batch_id,
        claimed_at=now,
        subscriber_id=row.subscriber_id,
        status=row.status,
        position=row.position,
        reason=row.reason,
        profile_id=row.profile_id,
        settled_at=row.settled_at,
        **columns_of(row.picks),
    )


def columns_of(picks: Sequence[Pick]) -> dict[str, Sequence[object]]:
    """Return what a delivery's row says of its papers, in mailed order."""
    return {"papers": papers_of(picks), "parts": [list(pick.parts) for pick in picks]}


def _copied(
    edition_id: int, batch_id: int, rows: Sequence[NewDelivery], now: datetime
) -> list[int]:
    if not rows:
        return []
    beginning = f"{edition_id}\t{batch_id}\t{now.isoformat()}\t0\t"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval('newsletter_delivery_id_seq') FROM generate_series(1, %s)", [len(rows)]
        )
        ids = [number for (number,) in cursor.fetchall()]
        lines = [
            _line(f"{beginning}\t{number}", row) for number, row in zip(ids, rows, strict=True)
        ]
        with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            copy.write("".join(lines))
    return ids


def _line(beginning: str, row: NewDelivery) -> str:
    """Return a row in COPY's text format."""
    reader, status, position, reason, profile_id, picks, settled_at = row
    papers = ",".join(map(str, papers_of(picks)))
    parts = ",".join(map(_numbers, map(_PARTS, picks)))
    profile = NULL if profile_id is None else profile_id
    settled = NULL if settled_at is None else settled_at.isoformat()
    head = f"{beginning}\t{reader}\t{status.value}\t{position}\t{_escaped(reason)}\t{profile}"
    return f"{head}\t{{{papers}}}\t{{{parts}}}\t{settled}\n"


@lru_cache(maxsize=PARTS_KEPT)
def _numbers(parts: Sequence[int]) -> str:
    """Return a paper's parts as an array within one; readers with like tastes share them."""
    return f"{{{','.join(map(str, parts))}}}"


def _escaped(text: str) -> str:
    return text and text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace(
        "\r", r"\r"
    )


_COPY = """
    COPY newsletter_delivery
    (edition_id, batch_id, claimed_at, attempts, outcome, id, subscriber_id, status, position,
    reason, profile_id, papers, parts, settled_at)
    FROM STDIN
"""
