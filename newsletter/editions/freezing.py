"""The freeze: statistics and the compiled edition are made once and stored; from then on an
edition can only lose papers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from newsletter.composing.compiled import CompiledParts
from newsletter.composing.gate import faults_in, told
from newsletter.composing.proof import proved_edition
from newsletter.editions.candidates import candidates_of, rebuild, sources_of
from newsletter.editions.content import content_of
from newsletter.editions.languages import languages_of_readers
from newsletter.editions.states import hold
from newsletter.editions.statistics import statistics_for
from newsletter.models import BEFORE_FROZEN, CompiledEdition, Edition, EditionState, Strike
from newsletter.ranking.values import CandidatePaper

log = structlog.get_logger(__name__)


def freeze(edition_id: int, now: datetime) -> bool:
    """Freeze the edition with what is known at `now`; True when this call did it.

    It is compiled in every language that readers want, and each is compared with the plain way. An
    edition that nobody approved is held instead when fewer than `MINIMUM_SOURCES` sources brought
    its papers, or when the lint finds an error in its mail. The row stays locked meanwhile, so that
    no decision of staff falls between what was read and what is stored.

    Raises:
        BrokenLayout, CutShort: the layout does not survive compiling; nothing is stored, and the
            edition stays as it was.
    """
    with transaction.atomic():
        edition = (
            Edition.objects.select_for_update()
            .filter(pk=edition_id, state__in=BEFORE_FROZEN)
            .first()
        )
        if edition is None:
            return False
        rebuild(edition, now)
        papers = candidates_of(edition)
        approved = edition.state == EditionState.APPROVED
        if not approved and (answered := sources_of(edition)) < settings.MINIMUM_SOURCES:
            return _held(
                edition,
                f"{answered} of the {settings.MINIMUM_SOURCES} sources that are needed brought "
                "papers.",
                now,
            )
        compiled = {
            language: proved_edition(content_of(edition, papers, language))
            for language in languages_of_readers()
        }
        if not approved and (faulty := _faults(compiled)):
            return _held(edition, f"Its mail would be faulty: {faulty}", now)
        return _store(edition, papers, compiled, now)


def _held(edition: Edition, reason: str, now: datetime) -> bool:
    hold(edition, reason, now, by_machine=True)
    log.warning("edition_held", edition=str(edition), reason=edition.held_reason)
    return False


def _faults(compiled: Mapping[str, CompiledParts]) -> str:
    """Say what the lint finds; a person who releases the edition takes it as it is."""
    return told(
        [
            fault
            for parts in compiled.values()
            for fault in faults_in(parts, development=not settings.PRODUCTION)
        ]
    )


def _store(
    edition: Edition,
    papers: Sequence[CandidatePaper],
    compiled: Mapping[str, CompiledParts],
    now: datetime,
) -> bool:
    """Store what every reader's digest is made from. A paper without a right card is struck with
    its reason and never ranked.
    """
    dropped = {
        paper_id: reason for parts in compiled.values() for paper_id, reason in parts.dropped
    }
    statistics = statistics_for(
        edition, [paper for paper in papers if paper.id not in dropped], now
    )
    CompiledEdition.objects.bulk_create(
        CompiledEdition(
            edition=edition,
            language=language,
            template_hash=parts.template_hash,
            content=parts.to_bytes(),
            compiled_at=now,
        )
        for language, parts in compiled.items()
    )
    Strike.objects.bulk_create(
        Strike(
            edition=edition,
            paper_id=paper_id,
            reason=f"no card could be made: {reason}"[:300],
            at=now,
        )
        for paper_id, reason in dropped.items()
    )
    frozen = Edition.objects.filter(pk=edition.pk, state__in=BEFORE_FROZEN).update(
        state=EditionState.FROZEN, frozen_at=now, statistics=statistics.to_bytes()
    )
    log.info(
        "edition_frozen",
        edition=str(edition),
        papers=len(papers) - len(dropped),
        dropped=len(dropped),
        languages=",".join(compiled),
    )
    return frozen == 1
