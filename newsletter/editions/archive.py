"""The archive: statistics learned from the stored papers, fitted again every day and kept by
version.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from django.db import transaction

from ingest.models import Count, Paper
from newsletter.editions.seeds import Text, seed_archive, seed_texts
from newsletter.models import ArchiveFit
from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.packing import UnreadableBytes

log = structlog.get_logger(__name__)

MOST_OF_A_KIND = 4_000
"""A fit reads at most so many papers that were listed with votes, and so many that were only
announced.

Ten times as many papers are announced as are listed with votes. Without limits of their own the
archive would know two weeks of announcements and no list. It takes 500 MB at its peak.
"""
REACH = timedelta(days=365)
"""The papers of a kind are drawn evenly from a year, or from all time while they are few."""
FEW_PAPERS = 1_000
"""Below this many papers the samples under seeds/ stand beside them."""
REFIT_AFTER = timedelta(hours=20)
FITS_KEPT = 3
READ_AT_ONCE = 500


def refit_when_due(now: datetime) -> ArchiveFit | None:
    """Fit the archive when the newest fit is a day old, or half of the papers came after it.
    Safe to repeat.
    """
    newest = ArchiveFit.objects.defer("content").first()
    if newest is not None and not _outdated(newest, now):
        return None
    return refit(now)


def refit(now: datetime) -> ArchiveFit:
    """Learn from stored papers, store it as the next version, and drop all but the last few
    versions.
    """
    texts = list(_stored_texts(now))
    if len(texts) < FEW_PAPERS:
        texts = list(dict([*seed_texts(), *texts]).items())
    content = fit_archive(texts).to_bytes()
    with transaction.atomic():
        fit = ArchiveFit.objects.create(
            fitted_at=now,
            papers=len(texts),
            digest=hashlib.sha256(content).hexdigest(),
            content=content,
        )
        kept = list(ArchiveFit.objects.order_by("-pk").values_list("pk", flat=True)[:FITS_KEPT])
        ArchiveFit.objects.exclude(pk__in=kept).delete()
    log.info("archive_fitted", version=fit.pk, papers=fit.papers, bytes=len(content))
    return fit


def archive_statistics() -> ArchiveStatistics | None:
    """Return the newest fit; before the first one, or where it was stored by another version of
    Paperboy, what the samples teach.

    None where there are no samples either: then the papers of an edition stand in for the archive.
    """
    digest = ArchiveFit.objects.order_by("-pk").values_list("digest", flat=True).first()
    if digest is None:
        return seed_archive()
    try:
        return _read(digest)
    except UnreadableBytes as error:
        log.warning("archive_unreadable", digest=digest, error=str(error))
        return seed_archive()


@lru_cache(maxsize=1)
def _read(digest: str) -> ArchiveStatistics:
    content = (
        ArchiveFit.objects.filter(digest=digest)
        .order_by("-pk")
        .values_list("content", flat=True)[0]
    )
    return ArchiveStatistics.from_bytes(bytes(content))


def _outdated(fit: ArchiveFit, now: datetime) -> bool:
    since = Paper.objects.filter(first_seen_at__gt=fit.fitted_at).order_by()[: fit.papers].count()
    return now - fit.fitted_at >= REFIT_AFTER or 2 * since > fit.papers


def _stored_texts(now: datetime) -> Iterator[Text]:
    ids = _drawn(now)
    for start in range(0, len(ids), READ_AT_ONCE):
        yield from Paper.objects.filter(pk__in=ids[start : start + READ_AT_ONCE]).values_list(
            "title", "abstract"
        )


def _drawn(now: datetime) -> list[int]:
    """Return the ids of the papers that are read: of either kind the newest year, thinned out
    evenly, or the newest papers of all where a year has fewer than are read.
    """
    since = (now - REACH).date()
    papers = Paper.objects.filter(merged_into=None).order_by("-first_seen_at", "-pk")
    voted = set(
        Count.objects.filter(votes__isnull=False, listing__day__gte=since)
        .order_by()
        .values_list("listing__paper", flat=True)
        .distinct()
    )
    kinds: tuple[list[int], list[int]] = ([], [])
    recent = papers.filter(first_seen_at__gte=now - REACH).values_list("pk", flat=True)
    for pk in recent.iterator(chunk_size=10_000):
        kinds[pk in voted].append(pk)
    drawn = [pk for ids in kinds for pk in _thinned(ids)]
    missing = 2 * MOST_OF_A_KIND - len(drawn)
    older = papers.filter(first_seen_at__lt=now - REACH).values_list("pk", flat=True)
    return drawn + list(older[:missing])


def _thinned(ids: list[int]) -> list[int]:
    """Return at most MOST_OF_A_KIND of the ids, spread evenly."""
    step = max(len(ids) / MOST_OF_A_KIND, 1.0)
    return [ids[int(place * step)] for place in range(min(len(ids), MOST_OF_A_KIND))]
