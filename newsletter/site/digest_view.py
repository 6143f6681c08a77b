"""A digest in the browser: the document one reader was mailed, without its powers, behind the
signed link of that mail.
"""

import structlog
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from ingest.models import Paper
from newsletter.composing.compiled import CompiledParts, UnreadableEdition, compile_edition
from newsletter.composing.content import Digest, DigestLinks, DigestPick, Section
from newsletter.composing.digest import render_web_view
from newsletter.composing.speaking import spoken_reasons
from newsletter.editions.candidates import candidates_of
from newsletter.editions.content import content_of
from newsletter.models import CompiledEdition, Delivery
from newsletter.ranking.values import Explanation
from newsletter.sending.explaining import CannotExplain, explanations
from newsletter.sending.frozen import statistics_of, topic_name
from newsletter.sending.press import compiled_parts
from subscriptions.pages.private import private_page
from subscriptions.tokens import Power, read

log = structlog.get_logger(__name__)


@csp_update({"style-src": ["'unsafe-inline'"]})  # a mail carries its style in its elements
@require_safe
@private_page
def digest(request: HttpRequest, token: str) -> HttpResponse:
    """Show the papers of one delivery as they stood in the mail; those withdrawn since are named
    and not shown. A delivery that was deleted is answered with 410.
    """
    (delivery_id,) = read(Power.VIEW, token)
    delivery = (
        Delivery.objects.select_related("edition", "subscriber")
        .defer("edition__statistics")
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is None:  # deleted after a while: see newsletter.retention
        over = {"days": settings.KEEP_DELIVERIES_DAYS}
        return render(request, "pages/digest_over.html", over, status=410)
    compiled = _compiled(delivery)
    withdrawn = Paper.objects.filter(
        pk__in=delivery.papers, withdrawn_at__isnull=False
    ).values_list("pk", flat=True)
    page = render_web_view(
        compiled,
        _digest(delivery, compiled),
        home=reverse("home"),
        editions=reverse("editions"),
        withdrawn=frozenset(withdrawn),
    )
    return HttpResponse(page)


def _compiled(delivery: Delivery) -> CompiledParts:
    """Return the compiled edition; one that is gone, or was stored by another version, is
    compiled again for this page.
    """
    try:
        return compiled_parts(delivery.edition_id, delivery.subscriber.language)
    except (CompiledEdition.DoesNotExist, UnreadableEdition):
        return compile_edition(content_of(delivery.edition, candidates_of(delivery.edition)))


def _digest(delivery: Delivery, compiled: CompiledParts) -> Digest:
    """Return the digest again, without address and links; reasons come from the frozen
    statistics and the profile that was ranked.
    """
    reasons, pinned = _explained(delivery)
    held = [paper_id for paper_id in delivery.papers if paper_id in compiled.facts.titles]
    return Digest(
        edition_id=delivery.edition_id,
        delivery_id=delivery.pk,
        subscriber_id=delivery.subscriber_id,
        address="",
        picks=tuple(
            _pick(delivery, paper_id, place, reasons.get(paper_id), paper_id in pinned)
            for place, paper_id in enumerate(held)
        ),
        links=DigestLinks(leave="", preferences="", view=""),
        message_key="",
        language=delivery.subscriber.language,
    )


def _explained(delivery: Delivery) -> tuple[dict[int, Explanation], frozenset[int]]:
    """Return the explanation of each paper, and which papers of the edition were pinned. What
    cannot be explained any more is shown without reasons.
    """
    try:
        found = explanations(delivery)
        papers = statistics_of(delivery.edition_id).papers if found else ()
    except CannotExplain as problem:
        log.warning("digest_not_explained", delivery=delivery.pk, reason=str(problem))
        return {}, frozenset()
    return found, frozenset(paper.id for paper in papers if paper.pinned)


def _pick(
    delivery: Delivery, paper_id: int, place: int, found: Explanation | None, pinned: bool
) -> DigestPick:
    if found is None:
        return DigestPick(paper_id, section="also")
    section: Section = "topics" if found.parts.topic or found.parts.taste else "also"
    if place == 0:
        section = "lead"
    elif pinned:
        section = "pinned"
    reasons = spoken_reasons(found.reasons, delivery.subscriber.language)
    return DigestPick(paper_id, reasons, section, topic_name(delivery.edition_id, found.topic_id))
