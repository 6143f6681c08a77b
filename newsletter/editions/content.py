"""What the composing part is told about an edition."""

from collections.abc import Sequence

from django.conf import settings

from ingest.models import Paper
from newsletter.composing.content import EditionContent, PaperCard
from newsletter.models import Edition
from newsletter.ranking.values import CandidatePaper


def content_of(
    edition: Edition, papers: Sequence[CandidatePaper], language: str | None = None
) -> EditionContent:
    """Return the edition's own words and one card for each of `papers`, in a language or in
    everybody’s.
    """
    stored = Paper.objects.in_bulk([paper.id for paper in papers])
    return EditionContent(
        edition_id=edition.pk,
        cadence=edition.cadence,
        day=edition.day,
        editor_note=edition.note,
        health_line=edition.health_line,
        language=language or settings.LANGUAGE_CODE,
        papers=tuple(_card(paper, stored[paper.id]) for paper in papers),
    )


def _card(paper: CandidatePaper, stored: Paper) -> PaperCard:
    return PaperCard(
        id=paper.id,
        title=paper.title,
        abstract=paper.abstract,
        authors=paper.authors,
        author_count=paper.author_count,
        url=stored.get_absolute_url(),
        published=paper.published,
        votes=paper.votes,
        votes_before=paper.votes_before,
        comments=paper.comments,
        has_code=paper.has_code,
        code_url=stored.code_link,
        editor_note=paper.note,
        pinned=paper.pinned,
    )
