"""The topics, and what the latest edition has on one of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from newsletter.models import Edition
from newsletter.ranking.rank import explain
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import Explanation, ReaderProfile
from newsletter.site.stories import Stories, Story, latest_edition
from subscriptions.models import Topic
from subscriptions.topics import tree


@require_safe
def topics(request: HttpRequest) -> HttpResponse:
    """List the topics on offer."""
    return render(request, "pages/topics.html", {"branches": tree()})


@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one topic and the latest papers on it, each with the words that put it there."""
    found = get_object_or_404(Topic, slug=slug)
    edition = latest_edition()
    papers = _papers_on(found, edition) if edition else []
    return render(
        request,
        "pages/topic.html",
        {
            "topic": found,
            "children": found.children.filter(retired=False),
            "edition": edition,
            "papers": papers,
        },
    )


def _papers_on(topic: Topic, edition: Edition) -> list[tuple[Story, str]]:
    """Return the edition's papers on a topic with the reason of each, as a reader who chose only
    this topic would get them.
    """
    blob = Edition.objects.values_list("statistics", flat=True).get(pk=edition.pk)
    statistics = EditionStatistics.from_bytes(bytes(blob or b""))
    if topic.pk not in statistics.rows:  # made after that edition was frozen
        return []
    only_this = ReaderProfile(
        topics=(topic.pk,), phrases=(), muted=(), minimum_votes=0, papers_per_digest=1, balance=0
    )
    matching = [
        found
        for found in explain(statistics, only_this, list(statistics.places))
        if found.parts.topic
    ]
    matching.sort(key=lambda found: -found.parts.total)
    stories = Stories(edition).of([found.paper_id for found in matching])
    return [
        (stories[found.paper_id], _reason(found)) for found in matching if found.paper_id in stories
    ]


def _reason(found: Explanation) -> str:
    return next((reason.text for reason in found.reasons if reason.kind == "topic"), "")
