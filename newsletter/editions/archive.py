"""The archive: statistics learned from the stored papers, fitted again every day and kept by
version.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from django.db import transaction

from ingest.models import Paper
from newsletter.editions.seeds import Text, seed_archive, seed_texts
from newsletter.models import ArchiveFit
from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.packing import UnreadableBytes

log = structlog.get_logger(__name__)

MOST_PAPERS = 6_000
"""A fit reads this many of the newest papers, more than a year of daily lists.

It takes 400 MB at its peak and 8 s of CPU, and never more.
"""
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
    """Learn from the newest stored papers, store it as the next version, and drop all but the
    last few versions.
    """
    texts = list(_stored_texts())
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


def _stored_texts() -> Iterator[Text]:
    papers = (
        Paper.objects.filter(merged_into=None)
        .order_by("-pk")
        .values_list("title", "abstract")[:MOST_PAPERS]
    )
    yield from papers.iterator(chunk_size=READ_AT_ONCE)
