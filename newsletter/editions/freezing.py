"""The freeze: statistics and the compiled edition are made once and stored; from then on an
edition can only lose papers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from ingest.cleaning import one_line
from newsletter.composing.compiled import CompiledParts
from newsletter.composing.content import EditionContent
from newsletter.composing.gate import describe, judge
from newsletter.composing.lint.rules import Finding
from newsletter.composing.proof import proved_edition, with_dropped, without_papers
from newsletter.editions.candidates import candidates_of, rebuild, sources_of
from newsletter.editions.content import content_of
from newsletter.editions.languages import languages_of_readers
from newsletter.editions.states import hold
from newsletter.editions.statistics import statistics_for
from newsletter.models import (
    BEFORE_FROZEN,
    Candidate,
    CompiledEdition,
    Edition,
    EditionState,
    Strike,
)
from newsletter.ranking.values import CandidatePaper

log = structlog.get_logger(__name__)

REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Checked:
    """An edition in one language, compared with the plain way and linted. Faulty papers are among
    its `dropped`; `faults` are the layout's, and `links` names papers without one of their links.
    """

    compiled: CompiledParts
    faults: tuple[Finding, ...]
    links: tuple[tuple[int, str], ...]


def freeze(edition_id: int, now: datetime) -> bool:
    """Freeze the edition with what is known at `now`; True when this call did it.

    It is compiled in every language that readers want; each is compared with the plain way and
    linted. A faulty paper is struck with the reason, a faulty link is left out of its card, and the
    others go on. An edition that nobody approved is held instead when fewer than `MINIMUM_SOURCES`
    sources brought its papers, when the lint finds an error in its layout, or when no paper is
    left. The row stays locked meanwhile, so that no decision of staff falls between what was read
    and what is stored.

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
        checked = {
            language: _checked(content_of(edition, papers, language))
            for language in languages_of_readers()
        }
        if not approved and (reason := _reason_to_hold(checked, papers)):
            return _held(edition, reason, now)
        return _store(edition, papers, checked, now)


def _checked(content: EditionContent) -> Checked:
    compiled = proved_edition(content)
    verdict = judge(content, compiled, development=not settings.PRODUCTION)
    if verdict.papers:
        left = without_papers(content, (*compiled.dropped, *verdict.papers))
        compiled = with_dropped(proved_edition(left), (*compiled.dropped, *verdict.papers))
    return Checked(compiled, verdict.layout, verdict.links)


def _held(edition: Edition, reason: str, now: datetime) -> bool:
    hold(edition, reason, now, by_machine=True)
    log.warning("edition_held", edition=str(edition), reason=edition.held_reason)
    return False


def _reason_to_hold(checked: Mapping[str, Checked], papers: Sequence[CandidatePaper]) -> str:
    """Say why a person has to look first, or nothing. One who releases the edition takes it as it
    is.
    """
    if faults := [fault for one in checked.values() for fault in one.faults]:
        return f"Its mail would be faulty: {describe(faults)}"
    dropped = _dropped(checked)
    if papers and all(paper.id in dropped for paper in papers):
        return (
            f"No paper is left, since each would be faulty. “{papers[0].title}”: "
            f"{dropped[papers[0].id]}"
        )
    return ""


def _dropped(checked: Mapping[str, Checked]) -> dict[int, str]:
    """Return the papers that are faulty in any language, with the reason."""
    return {
        paper_id: one_line(f"Its card would be faulty: {reason}", REASON_LENGTH)
        for one in checked.values()
        for paper_id, reason in one.compiled.dropped
    }


def _store(
    edition: Edition,
    papers: Sequence[CandidatePaper],
    checked: Mapping[str, Checked],
    now: datetime,
) -> bool:
    """Store what every reader's digest is made from. A faulty paper is struck with its reason and
    never ranked.
    """
    dropped = _dropped(checked)
    statistics = statistics_for(
        edition, [paper for paper in papers if paper.id not in dropped], now
    )
    CompiledEdition.objects.bulk_create(
        CompiledEdition(
            edition=edition,
            language=language,
            template_hash=one.compiled.template_hash,
            content=one.compiled.to_bytes(),
            compiled_at=now,
        )
        for language, one in checked.items()
    )
    Strike.objects.bulk_create(
        Strike(edition=edition, paper_id=paper_id, reason=reason, at=now)
        for paper_id, reason in dropped.items()
    )
    links = {
        paper_id: reason
        for one in checked.values()
        for paper_id, reason in one.links
        if paper_id not in dropped
    }
    for paper_id, reason in links.items():
        Candidate.objects.filter(edition=edition, paper=paper_id).update(
            link_fault=one_line(reason, REASON_LENGTH)
        )
    frozen = Edition.objects.filter(pk=edition.pk, state__in=BEFORE_FROZEN).update(
        state=EditionState.FROZEN, frozen_at=now, statistics=statistics.to_bytes()
    )
    log.info(
        "edition_frozen",
        edition=str(edition),
        papers=len(papers) - len(dropped),
        dropped=len(dropped),
        links_left_out=len(links),
        languages=",".join(checked),
    )
    return frozen == 1
