"""More or fewer like this: a reader's word on a paper they were mailed, behind the signed link
of that mail.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ingest.models import Paper
from newsletter.models import Delivery, FeedbackKind
from newsletter.site.stories import plain_title
from newsletter.tracking.feedback import note_word
from subscriptions.pages.private import private_page
from subscriptions.tokens import BadToken, ExpiredToken, Power, read


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def feedback(request: HttpRequest, token: str, kind: str, paper_id: int) -> HttpResponse:
    """Show the paper with a button; pressing it records the word. The latest word on a paper
    counts.
    """
    now = timezone.now()
    try:
        (delivery_id,) = read(Power.ACT, token, now)
    except ExpiredToken:
        return render(request, "pages/feedback_expired.html", status=410)
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None or kind not in FeedbackKind.values or paper_id not in delivery.papers:
        raise BadToken("this delivery has no such paper")
    paper = Paper.objects.get(pk=paper_id)
    if request.method == "POST":
        note_word(delivery.subscriber_id, paper, kind, now)
    context = {
        "title": plain_title(paper),
        "paper_id": paper_id,
        "kind": kind,
        "other": _other(kind),
        "token": token,
        "noted": request.method == "POST",
    }
    return render(request, "pages/feedback.html", context)


def _other(kind: str) -> str:
    return FeedbackKind.FEWER if kind == FeedbackKind.MORE else FeedbackKind.MORE
