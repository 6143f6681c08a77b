"""The topics, and what the latest edition has on one of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_page
from django.views.decorators.http import require_safe

from newsletter.models import Edition, TopicPapers
from newsletter.site.pages import PER_PAGE, SHOWN_AGAIN, page_of
from newsletter.site.stories import Stories, latest_edition
from subscriptions.models import Topic
from subscriptions.topics import tree


@require_safe
@cache_page(SHOWN_AGAIN)
def topics(request: HttpRequest) -> HttpResponse:
    """List the topics on offer."""
    return render(request, "pages/topics.html", {"branches": tree()})


@require_safe
@cache_page(SHOWN_AGAIN)
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one topic and the latest papers on it, a page at a time, each with the words that put
    it there.
    """
    found = get_object_or_404(Topic.objects.select_related("parent"), slug=slug)
    edition = latest_edition()
    stories = Stories(edition) if edition else None
    page = page_of(request, _papers_on(found, edition, stories), PER_PAGE)
    shown = stories.of([paper_id for paper_id, _ in page]) if stories else {}
    return render(
        request,
        "pages/topic.html",
        {
            "topic": found,
            "children": found.children.filter(retired=False),
            "edition": edition,
            "page": page,
            "papers": [(shown[paper_id], reason) for paper_id, reason in page if paper_id in shown],
        },
    )


def _papers_on(
    topic: Topic, edition: Edition | None, stories: Stories | None
) -> list[tuple[int, str]]:
    """Return the ids of the edition's papers on a topic, with the reason of each, without those
    that are not shown any more.
    """
    stored = TopicPapers.objects.filter(edition=edition, topic=topic).first()
    if stored is None or stories is None:  # the topic was made after that edition was frozen
        return []
    shown = stories.among([paper_id for paper_id, _ in stored.papers])
    return [(paper_id, reason) for paper_id, reason in stored.papers if paper_id in shown]
