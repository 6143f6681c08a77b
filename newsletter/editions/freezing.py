"""The freeze: statistics and the compiled edition are made once and stored; from then on an
edition can only lose papers.

They are made outside any transaction, so that readers and staff go on writing meanwhile. A short
transaction stores them if nothing has changed that they were made from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from ingest.cleaning import one_line
from newsletter.composing.content import EditionContent
from newsletter.composing.gate import layout_faults
from newsletter.composing.lint.rules import Finding, describe
from newsletter.composing.proof import differing_papers, without_papers
from newsletter.editions.candidates import candidates_of, rebuild, sources_of
from newsletter.editions.cards import joined_edition
from newsletter.editions.content import content_of
from newsletter.editions.languages import languages_of_readers
from newsletter.editions.states import hold
from newsletter.editions.statistics import statistics_for
from newsletter.editions.topics import OnTopics, papers_on_topics, topic_definitions
from newsletter.models import (
    BEFORE_FROZEN,
    Candidate,
    CompiledEdition,
    Edition,
    EditionState,
    Strike,
    TopicPapers,
)
from newsletter.ranking.values import CandidatePaper, TopicDefinition

log = structlog.get_logger(__name__)

REASON_LENGTH = 300
ATTEMPTS = 5
"""How often an edition is made again because it changed meanwhile, before it waits for the next
call.
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an edition is frozen from. Equal inputs give the same frozen edition.

    The language of `content` says nothing: the edition is made in several.
    """

    approved: bool
    papers: Sequence[CandidatePaper]
    content: EditionContent
    topics: Sequence[TopicDefinition]


@dataclass(frozen=True, slots=True)
class Checked:
    """An edition in one language, compared with the plain way, linted and packed. Faulty papers
    are `dropped` with the reason; `faults` are the layout's, and `links` names papers without one
    of their links.
    """

    template_hash: str
    packed: bytes
    dropped: tuple[tuple[int, str], ...]
    faults: tuple[Finding, ...]
    links: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What a freeze computed from its inputs. `on_hold` says why the edition must wait for a
    person; `statistics` are empty then.
    """

    inputs: Inputs
    checked: Mapping[str, Checked]
    dropped: Mapping[int, str]
    on_hold: str
    statistics: bytes
    on_topics: OnTopics = field(default_factory=dict)


def freeze(edition_id: int, now: datetime) -> bool:
    """Freeze the edition with what is known at `now`; True when this call did it.

    Its cards were prepared ahead; what is missing is prepared now. In every language that readers
    want they are joined with the layout, which is compared with the plain way and linted. A faulty
    paper is struck with the reason, a faulty link is left out of its card, and the others go on. An
    edition that nobody approved is held instead when fewer than `MINIMUM_SOURCES` sources brought
    its papers, when the lint finds an error in its layout, or when no paper is left.

    No lock is held while this is computed. Then the row is locked, and what was read is read again.
    If it has changed, the edition is made again, at most `ATTEMPTS` times in all; what has not
    changed is kept. An edition that keeps changing stays as it is until the next call.

    Raises:
        BrokenLayout, CutShort: the layout does not survive compiling; nothing is stored, and the
            edition stays as it was.
    """
    made = None
    for _ in range(ATTEMPTS):
        edition = _before_frozen(edition_id)
        if edition is None:
            return False
        rebuild(edition, now)
        made = _make(edition, _read(edition), now, made)
        with transaction.atomic():
            locked = _before_frozen(edition_id, lock=True)
            if locked is None:
                return False
            if _read(locked) == made.inputs:
                return _held(locked, made, now) if made.on_hold else _store(locked, made, now)
        log.info("edition_changed_while_freezing", edition=str(edition))
    log.warning("edition_keeps_changing", edition=edition_id)
    return False


def _before_frozen(edition_id: int, *, lock: bool = False) -> Edition | None:
    editions = Edition.objects.select_for_update() if lock else Edition.objects
    return editions.filter(pk=edition_id, state__in=BEFORE_FROZEN).defer("statistics").first()


def _read(edition: Edition) -> Inputs:
    papers = candidates_of(edition)
    return Inputs(
        edition.state == EditionState.APPROVED,
        papers,
        content_of(edition, papers),
        topic_definitions(),
    )


def _make(edition: Edition, inputs: Inputs, now: datetime, before: Made | None) -> Made:
    """Compute what the freeze stores. What `before` was made from the same is taken from there."""
    if not inputs.approved and (answered := sources_of(edition)) < settings.MINIMUM_SOURCES:
        needed = f"{answered} of the {settings.MINIMUM_SOURCES} sources that are needed brought"
        return Made(inputs, {}, {}, f"{needed} papers.", b"")
    checked = dict(before.checked) if before and before.inputs.content == inputs.content else {}
    for language in languages_of_readers():
        if language not in checked:
            checked[language] = _checked(replace(inputs.content, language=language), now)
    dropped = _dropped(checked.values())
    if not inputs.approved and (reason := _reason_to_hold(checked, dropped, inputs.papers)):
        return Made(inputs, checked, dropped, reason, b"")
    if before and before.statistics and _is_ranked_the_same(before, inputs, dropped):
        return Made(inputs, checked, dropped, "", before.statistics, before.on_topics)
    ranked = [paper for paper in inputs.papers if paper.id not in dropped]
    statistics = statistics_for(edition, ranked, now)
    on_topics = papers_on_topics(statistics)
    return Made(inputs, checked, dropped, "", statistics.to_bytes(), on_topics)


def _is_ranked_the_same(before: Made, inputs: Inputs, dropped: Mapping[int, str]) -> bool:
    return (
        before.inputs.papers == inputs.papers
        and before.inputs.topics == inputs.topics
        and before.dropped.keys() == dropped.keys()
    )


def _checked(content: EditionContent, now: datetime) -> Checked:
    dropped: tuple[tuple[int, str], ...] = ()
    while True:
        left = without_papers(content, dropped)
        compiled, links = joined_edition(left, now)
        if not (bad := differing_papers(left, compiled)):
            break
        dropped += bad
    compiled = replace(compiled, dropped=(*dropped, *compiled.dropped))
    return Checked(
        compiled.template_hash,
        compiled.to_bytes(),
        compiled.dropped,
        layout_faults(left, compiled, development=not settings.PRODUCTION),
        links,
    )


def _held(edition: Edition, made: Made, now: datetime) -> bool:
    hold(edition, made.on_hold, now, by_machine=True)
    log.warning("edition_held", edition=str(edition), reason=edition.held_reason)
    return False


def _reason_to_hold(
    checked: Mapping[str, Checked], dropped: Mapping[int, str], papers: Sequence[CandidatePaper]
) -> str:
    """Say why a person has to look first, or nothing. One who releases the edition takes it as it
    is.
    """
    if faults := [fault for one in checked.values() for fault in one.faults]:
        return f"Its mail would be faulty: {describe(faults)}"
    if papers and all(paper.id in dropped for paper in papers):
        return (
            f"No paper is left, since each would be faulty. “{papers[0].title}”: "
            f"{dropped[papers[0].id]}"
        )
    return ""


def _dropped(checked: Iterable[Checked]) -> dict[int, str]:
    """Return the papers that are faulty in any language, with the reason."""
    return {
        paper_id: one_line(f"Its card would be faulty: {reason}", REASON_LENGTH)
        for one in checked
        for paper_id, reason in one.dropped
    }


def _store(edition: Edition, made: Made, now: datetime) -> bool:
    """Store what every reader's digest is made from. A faulty paper is struck with its reason and
    never ranked. The caller has locked the edition.
    """
    dropped = made.dropped
    CompiledEdition.objects.bulk_create(
        CompiledEdition(
            edition=edition,
            language=language,
            template_hash=one.template_hash,
            content=one.packed,
            compiled_at=now,
        )
        for language, one in made.checked.items()
    )
    TopicPapers.objects.bulk_create(
        TopicPapers(edition=edition, topic_id=topic_id, papers=papers)
        for topic_id, papers in made.on_topics.items()
    )
    Strike.objects.bulk_create(
        Strike(edition=edition, paper_id=paper_id, reason=reason, at=now)
        for paper_id, reason in dropped.items()
    )
    links = {
        paper_id: reason
        for one in made.checked.values()
        for paper_id, reason in one.links
        if paper_id not in dropped
    }
    for paper_id, reason in links.items():
        Candidate.objects.filter(edition=edition, paper=paper_id).update(
            link_fault=one_line(reason, REASON_LENGTH)
        )
    Edition.objects.filter(pk=edition.pk).update(
        state=EditionState.FROZEN, frozen_at=now, statistics=made.statistics
    )
    log.info(
        "edition_frozen",
        edition=str(edition),
        papers=len(made.inputs.papers) - len(dropped),
        dropped=len(dropped),
        links_left_out=len(links),
        languages=",".join(made.checked),
    )
    return True
