"""A digest in the browser: what one reader was mailed, and why, behind the signed link of that mail."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ingest.models import Paper
from newsletter.models import Delivery
from newsletter.ranking.rank import explain
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import ReaderProfile
from newsletter.site.stories import byline, plain_title, summary_of
from subscriptions.models import Profile
from subscriptions.pages.private import private_page
from subscriptions.tokens import BadToken, Power, read


@dataclass(frozen=True, slots=True)
class MailedPaper:
    """A paper of a digest with its reasons, the main one first."""

    title: str
    url: str
    byline: str
    summary: str
    withdrawn: bool
    reasons: tuple[str, ...]


@require_safe
@private_page
def digest(request: HttpRequest, token: str) -> HttpResponse:
    """Show the papers of one delivery, as they were ordered in the mail."""
    (delivery_id,) = read(Power.VIEW, token)
    delivery = Delivery.objects.select_related("edition", "profile").filter(pk=delivery_id).first()
    if delivery is None:
        raise BadToken("the delivery is gone")
    return render(request, "pages/digest.html", {"edition": delivery.edition, "papers": mailed_papers(delivery)})


def mailed_papers(delivery: Delivery) -> list[MailedPaper]:
    """Return the papers of a delivery in mailed order, with reasons computed again from the frozen statistics."""
    papers = Paper.objects.in_bulk(delivery.papers)
    reasons = _reasons(delivery)
    return [_mailed(papers[paper_id], reasons.get(paper_id, ())) for paper_id in delivery.papers if paper_id in papers]


def _mailed(paper: Paper, reasons: tuple[str, ...]) -> MailedPaper:
    return MailedPaper(
        title=plain_title(paper),
        url=paper.get_absolute_url(),
        byline=byline(paper.authors, paper.author_count),
        summary=summary_of(paper),
        withdrawn=paper.withdrawn_at is not None,
        reasons=reasons,
    )


def _reasons(delivery: Delivery) -> dict[int, tuple[str, ...]]:
    if delivery.profile is None or not delivery.edition.statistics:
        return {}
    statistics = EditionStatistics.from_bytes(bytes(delivery.edition.statistics))
    known = [paper_id for paper_id in delivery.papers if paper_id in statistics.places]
    explained = explain(statistics, _ranked_for(delivery.profile), known)
    return {found.paper_id: tuple(reason.text for reason in found.reasons) for found in explained}


def _ranked_for(profile: Profile) -> ReaderProfile:
    return ReaderProfile(
        topics=tuple(profile.topics),
        phrases=tuple(profile.phrases),
        muted=tuple(profile.muted),
        minimum_votes=profile.minimum_votes,
        papers_per_digest=profile.papers_per_digest,
        balance=profile.balance,
        taste=bytes(profile.taste),
    )
