"""Preview: what a digest of an edition would look like, with nothing stored and nothing sent."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from django.conf import settings

from newsletter.composing.compiled import compile_edition
from newsletter.composing.content import Digest, DigestLinks, DigestPick, RenderedMail, Section
from newsletter.composing.digest import render
from newsletter.composing.speaking import spoken, spoken_reasons
from newsletter.editions.candidates import candidates_of
from newsletter.editions.content import content_of
from newsletter.editions.statistics import statistics_for
from newsletter.editions.topics import topic_definitions
from newsletter.models import Edition
from newsletter.ranking.rank import rank
from newsletter.ranking.values import CandidatePaper, Pick, ReaderProfile, Selection
from newsletter.sending.choosing import one_readers_choice
from newsletter.sending.frozen import reader_profiles
from newsletter.sending.history import mailed_among
from subscriptions import links
from subscriptions.models import Subscriber

SAMPLE_ADDRESS = "reader@example.org"
SAMPLE_PAPERS = 10


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of digest worth looking at: how many papers, on which cadence, with which words."""

    papers: int = SAMPLE_PAPERS
    cadence: str = "daily"
    first: bool = False
    note: str = ""


VARIANTS: Mapping[str, Variant] = {
    "daily": Variant(),
    "weekly": Variant(cadence="weekly"),
    "first": Variant(first=True),
    "thin": Variant(
        papers=2, note="Only two papers fit what you asked for today. We send no fillers."
    ),
    "one": Variant(papers=1),
    "fifty": Variant(papers=50),
}


class NothingToShow(LookupError):
    """The edition has no papers for this preview."""


def preview_for_reader(edition: Edition, reader: Subscriber, now: datetime) -> RenderedMail:
    """Return the digest the reader would get if the edition were frozen now. Its links are theirs:
    show it to staff only.

    Raises:
        NothingToShow: no paper of the edition is for this reader; they would get no mail.
        NotChosen: the reader's profile or history raises an exception.
    """
    papers = candidates_of(edition)
    statistics = statistics_for(edition, papers, now)
    with one_readers_choice():
        profile = reader_profiles([reader.profile_id])[reader.profile_id]
        mailed = mailed_among([reader.pk], [paper.id for paper in papers]).get(reader.pk, set())
        [selection] = rank(statistics, [profile], [frozenset(mailed)])
    own = DigestLinks(
        leave=links.leave_url(reader.pk, edition.pk),
        preferences=links.preferences_url(reader.pk, now),
        view=links.view_url(0),
    )
    return _rendered(
        edition,
        papers,
        selection,
        own,
        reader.address,
        language=offered(reader.language),
    )


def preview_variant(edition: Edition, variant: Variant, now: datetime) -> RenderedMail:
    """Return a digest of the edition for a reader who is interested in everything. Its links lead
    to no reader.

    Raises:
        NothingToShow: the edition has no papers.
    """
    papers = candidates_of(edition)
    topics = tuple(topic.id for topic in topic_definitions())
    profile = ReaderProfile(
        topics=topics,
        phrases=(),
        muted=(),
        minimum_votes=0,
        papers_per_digest=variant.papers,
        balance=50,
    )
    nobody = DigestLinks(
        leave=links.leave_url(0, 0),
        preferences=links.preferences_url(0, now),
        view=links.view_url(0),
        act=links.act_url(0, now),
    )
    [selection] = rank(statistics_for(edition, papers, now), [profile], [frozenset()])
    return _rendered(
        edition,
        papers,
        selection,
        nobody,
        SAMPLE_ADDRESS,
        variant,
    )


def shown(pick: Pick, topics: Mapping[int, str], language: str) -> DigestPick:
    """Return a pick as a digest in that language has it; `topics` are the names of the edition's
    topics.
    """
    reasons = spoken_reasons(pick.reasons, language)
    return DigestPick(
        pick.paper_id, reasons, cast("Section", pick.section), topics.get(pick.topic_id or 0, "")
    )


def offered(language: str) -> str:
    """Return the language, or everybody's where it is no longer offered, as the freeze does."""
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _rendered(
    edition: Edition,
    papers: list[CandidatePaper],
    selection: Selection,
    own: DigestLinks,
    address: str,
    variant: Variant | None = None,
    language: str = settings.LANGUAGE_CODE,
) -> RenderedMail:
    if not selection.picks:
        raise NothingToShow(f"{edition} has no papers for this digest.")
    content = content_of(edition, papers, language)
    names = {topic.id: topic.name for topic in topic_definitions()}
    digest = Digest(
        edition_id=edition.pk,
        delivery_id=0,
        subscriber_id=0,
        address=address,
        picks=tuple(shown(pick, names, language) for pick in selection.picks),
        links=own,
        message_key="preview",
        language=language,
        note=spoken(selection.note, language),
    )
    if variant is not None:
        content = replace(content, cadence=variant.cadence)
        picks = (*digest.picks, *_more(papers, {pick.paper_id for pick in digest.picks}))[
            : variant.papers
        ]
        digest = digest._replace(picks=picks, note=variant.note or digest.note, first=variant.first)
    return render(compile_edition(content), digest)


def _more(papers: list[CandidatePaper], chosen: Set[int]) -> list[DigestPick]:
    """Return the papers that the ranking left out, most votes first: a variant shows its size,
    whatever the edition can fill.
    """
    rest = sorted(
        (paper for paper in papers if paper.id not in chosen),
        key=lambda paper: (-(paper.votes or 0), paper.id),
    )
    return [DigestPick(paper.id, section="also") for paper in rest]
