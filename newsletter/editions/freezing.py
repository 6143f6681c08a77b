"""The freeze: statistics and the compiled edition are made once and stored; from then on an edition can only lose papers."""

from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from newsletter.composing.compiled import compile_edition
from newsletter.editions.candidates import candidates_of, rebuild, sources_of
from newsletter.editions.content import content_of
from newsletter.editions.states import hold
from newsletter.editions.statistics import statistics_for
from newsletter.models import BEFORE_FROZEN, CompiledEdition, Edition, EditionState, Strike

log = structlog.get_logger(__name__)


def freeze(edition_id: int, now: datetime) -> bool:
    """Freeze the edition with what is known at `now`; True when this call did it.

    An edition that nobody approved is held instead when fewer than `MINIMUM_SOURCES` sources brought its papers. The row stays locked
    meanwhile, so that no decision of staff falls between what was read and what is stored.

    Raises:
        BrokenLayout, CutShort: the layout does not survive compiling; nothing is stored, and the edition stays as it was.
    """
    with transaction.atomic():
        edition = Edition.objects.select_for_update().filter(pk=edition_id, state__in=BEFORE_FROZEN).first()
        if edition is None:
            return False
        rebuild(edition, now)
        if edition.state != EditionState.APPROVED and (answered := sources_of(edition)) < settings.MINIMUM_SOURCES:
            hold(edition, f"{answered} of the {settings.MINIMUM_SOURCES} sources that are needed brought papers.")
            log.warning("edition_held", edition=str(edition), reason=edition.held_reason)
            return False
        return _store(edition, now)


def _store(edition: Edition, now: datetime) -> bool:
    """Compile first: a paper that cannot be made into a card is struck with its reason and never ranked."""
    papers = candidates_of(edition)
    compiled = compile_edition(content_of(edition, papers))
    dropped = dict(compiled.dropped)
    statistics = statistics_for(edition, [paper for paper in papers if paper.id not in dropped], now)
    CompiledEdition.objects.create(edition=edition, template_hash=compiled.template_hash, content=compiled.to_bytes(), compiled_at=now)
    Strike.objects.bulk_create(
        Strike(edition=edition, paper_id=paper_id, reason=f"no card could be made: {reason}"[:300], at=now)
        for paper_id, reason in dropped.items()
    )
    frozen = Edition.objects.filter(pk=edition.pk, state__in=BEFORE_FROZEN).update(
        state=EditionState.FROZEN, frozen_at=now, statistics=statistics.to_bytes()
    )
    log.info("edition_frozen", edition=str(edition), papers=len(papers) - len(dropped), dropped=len(dropped))
    return frozen == 1
