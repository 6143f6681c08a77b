"""Reading a paper from a digest: the title's link comes by here where clicks are counted, and
goes on to the paper.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from ingest.models import Paper
from newsletter.composing.source_links import source_link
from newsletter.models import Delivery
from newsletter.tracking.clicks import record_click
from subscriptions.pages.private import private_page
from subscriptions.tokens import BadToken, ExpiredToken, Power
from subscriptions.tokens import read as read_token


@require_safe
@private_page
def read(request: HttpRequest, token: str, paper_id: int) -> HttpResponse:
    """Go on to a paper of the delivery, and nowhere else; measure a GET on the way. An old link
    still leads there, unmeasured, also when the delivery was deleted.
    """
    now = timezone.now()
    try:
        (delivery_id,), measured = read_token(Power.ACT, token, now), request.method == "GET"
    except ExpiredToken as old:
        (delivery_id,), measured = old.numbers, False
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if paper_id not in delivery.papers if delivery else measured:
        raise BadToken("this delivery has no such paper")
    paper = Paper.objects.filter(pk=paper_id).first()
    address = source_link(paper.get_absolute_url()).address if paper else ""
    if not address:
        raise BadToken("nobody knows any more where to read this paper")
    if measured and delivery:
        record_click(delivery, paper_id, request.headers, now)
    return HttpResponseRedirect(address)
