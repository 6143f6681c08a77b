"""The mailed history: which papers a reader was mailed, as compact buckets of paper ids that
outlive the deliveries.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.db.models import Q

from newsletter.models import (
    LEASED,
    Batch,
    BatchState,
    Delivery,
    DeliveryStatus,
    Ids,
    MailedHistory,
)
from newsletter.sending.questions import Question

OFFSET = np.dtype("<u2")
HOLDING = (DeliveryStatus.CLAIMED, DeliveryStatus.DEFERRED)
"""Deliveries that may still become mail, and so keep their papers for themselves."""


_buckets = Question(
    "buckets",
    lambda readers, buckets: MailedHistory.objects.filter(
        subscriber__among=readers, bucket__among=buckets
    ).values_list("subscriber_id", "bucket", "offsets"),
)


def mailed_among(readers: Collection[int], papers: Collection[int]) -> dict[int, set[int]]:
    """Return which of `papers` each reader was mailed; a reader without any is left out."""
    wanted = _masks(papers)
    mailed: dict[int, set[int]] = defaultdict(set)
    for reader, bucket, offsets in _buckets(Ids(readers), Ids(wanted)):
        found = np.frombuffer(offsets, OFFSET)
        found = found[wanted[bucket][found]]
        mailed[reader].update((found.astype(int) + bucket * MailedHistory.BUCKET).tolist())
    return mailed


def _masks(papers: Iterable[int]) -> dict[int, npt.NDArray[np.bool_]]:
    """Return, for each bucket that `papers` touch, which of its offsets they are."""
    masks: dict[int, npt.NDArray[np.bool_]] = {}
    for paper in papers:
        bucket, offset = divmod(paper, MailedHistory.BUCKET)
        if bucket not in masks:
            masks[bucket] = np.zeros(MailedHistory.BUCKET, bool)
        masks[bucket][offset] = True
    return masks


_others_in_flight = Question(
    "others_in_flight",
    lambda edition: (
        # Two conditions, each of which matches the condition of an index.
        Batch.objects.filter(Q(state=BatchState.PLANNED) | Q(state__in=LEASED))
        .exclude(edition=edition)
        .values_list("edition")
        .order_by()
        .distinct()
    ),
)


def held_elsewhere(readers: Collection[int], edition_id: int) -> dict[int, set[int]]:
    """Return the papers that unsettled deliveries of other editions hold for each reader.

    What is chosen for a reader is written only after this was asked with the reader's row locked:
    so two editions never choose the same paper for one reader at the same time.
    """
    editions = _others_in_flight(edition_id)
    held: dict[int, set[int]] = defaultdict(set)
    if editions:
        rows = Delivery.objects.filter(
            edition__among=Ids(pk for (pk,) in editions),
            subscriber__among=Ids(readers),
            status__in=HOLDING,
        )
        for reader, papers in rows.values_list("subscriber_id", "papers"):
            held[reader].update(papers)
    return held


def remember(mailed: Mapping[int, Collection[int]]) -> None:
    """Add papers to the readers' histories. The database appends, so two writers lose nothing;
    remembering twice is harmless.
    """
    rows = _rows(mailed)
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            readers, buckets, offsets = zip(*rows, strict=True)
            columns = (map(str, readers), map(str, buckets), map(bytes.hex, offsets))
            cursor.execute(_APPEND_ON_POSTGRESQL, [f"{{{','.join(column)}}}" for column in columns])
        else:
            cursor.executemany(_APPEND, rows)


def _rows(mailed: Mapping[int, Collection[int]]) -> list[tuple[int, int, bytes]]:
    """Return reader, bucket and offsets, in order of reader and bucket: writers of the same rows
    then wait for, not on, each other.
    """
    readers = np.repeat(np.array([*mailed], np.int64), [len(papers) for papers in mailed.values()])
    papers = np.fromiter(chain.from_iterable(mailed.values()), np.int64, len(readers))
    buckets, offsets = np.divmod(papers, MailedHistory.BUCKET)
    order = np.lexsort((buckets, readers))
    readers, buckets, octets = (
        readers[order],
        buckets[order],
        offsets[order].astype(OFFSET).tobytes(),
    )
    starts = np.flatnonzero(
        (np.diff(readers, prepend=-1) != 0) | (np.diff(buckets, prepend=-1) != 0)
    )
    ends = np.append(starts[1:], len(readers))
    columns = (
        readers[starts],
        buckets[starts],
        starts * OFFSET.itemsize,
        ends[: len(starts)] * OFFSET.itemsize,
    )
    return [
        (reader, bucket, octets[start:end])
        for reader, bucket, start, end in zip(*(one.tolist() for one in columns), strict=True)
    ]


def forget(papers: Mapping[int, Collection[int]]) -> None:
    """Take papers out of the readers' histories, because their mail did not arrive. Call it
    within a transaction.
    """
    for row in (
        MailedHistory.objects.select_for_update()
        .filter(subscriber__in=papers.keys())
        .order_by("subscriber_id", "bucket")
    ):
        offsets = np.frombuffer(row.offsets, OFFSET)
        gone = [paper - row.bucket * MailedHistory.BUCKET for paper in papers[row.subscriber_id]]
        kept = offsets[~np.isin(offsets, gone)]
        if kept.size < offsets.size:
            MailedHistory.objects.filter(pk=row.pk).update(offsets=kept.tobytes())


_APPEND_ON_POSTGRESQL = """
    INSERT INTO newsletter_mailedhistory AS kept (subscriber_id, bucket, offsets)
    SELECT reader, bucket, decode(offsets, 'hex')
    FROM unnest(%s::bigint[], %s::integer[], %s::text[]) AS new (reader, bucket, offsets)
    ON CONFLICT (subscriber_id, bucket) DO UPDATE SET offsets = kept.offsets || excluded.offsets
"""
_APPEND = """
    INSERT INTO newsletter_mailedhistory AS kept (subscriber_id, bucket, offsets)
    VALUES (%s, %s, %s)
    ON CONFLICT (subscriber_id, bucket) DO UPDATE
    SET offsets = CAST(kept.offsets || excluded.offsets AS BLOB)
"""
