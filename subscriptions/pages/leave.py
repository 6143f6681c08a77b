"""The pages behind an unsubscribe link: one click for mail programs (RFC 8058), a button for
people, and a way back.

A leave link must work from any machine, without cookies. So none of these views asks for Django's
CSRF cookie: the one-click POST may carry no context at all (RFC 8058 section 3.2), and the buttons
of the page carry a second token of their own, which the page hands out for a day. Who holds a leave
link may leave anyway, so the cookie would protect nothing.
"""

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from subscriptions import leaving
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.pages.private import private_page
from subscriptions.schedule import local_zone
from subscriptions.tokens import BadToken, ExpiredToken, Power, read, sign

_DAMAGED = re.compile(r"[^\w-]*([\w-]+)(?:[%=][0-9a-f]{2}|[^\w-])*", re.ASCII | re.IGNORECASE)
"""A token with what mail programs add to an address: blanks, marks, line ends (also as `%0D` or
`=0D`). It may stand on both sides; none of it can be part of a token.
"""


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponseBase:
    """Answer the address in the List-Unsubscribe header: a POST leaves, anything else shows the
    page for people.

    `token` may be damaged at its ends. That is safe, since only a token that we signed has power.
    """
    found = _DAMAGED.fullmatch(token)
    answer = one_click if request.method == "POST" else leave_page
    return answer(request, found[1] if found else token)


@private_page
def one_click(_request: HttpRequest, token: str) -> HttpResponse:
    """Unsubscribe the reader at once. Repeating it gives the same 200; never a redirect (RFC 8058
    section 3.1).

    The token alone decides. The body should be `List-Unsubscribe=One-Click`, but is not read: mail
    systems also send it empty, chunked (which Django takes for empty), in other letters, or with
    more around it.
    """
    subscriber_id, edition_id = read(Power.LEAVE, token)
    leaving.leave(
        subscriber_id, now=timezone.now(), evidence=f"one-click unsubscribe, edition {edition_id}"
    )
    return HttpResponse("You are unsubscribed.\n", content_type="text/plain")


@require_safe
@private_page
def leave_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button to leave with, or that it is done and how to come back."""
    subscriber_id, _edition_id = read(Power.LEAVE, token)
    now = timezone.now()
    reader = Subscriber.objects.filter(pk=subscriber_id).first()
    context = {
        "token": token,
        "page_token": sign(Power.LEAVE_PAGE, subscriber_id, now=now),
        "may_come_back": reader is not None and leaving.may_come_back(reader, now),
    }
    stays = reader is not None and reader.state in {SubscriberState.ACTIVE, SubscriberState.PENDING}
    return render(request, "pages/leave.html" if stays else "pages/left.html", context)


@csrf_exempt
@require_POST
@private_page
def leave_by_button(request: HttpRequest, token: str) -> HttpResponse:
    """Take the reader off and show that it is done."""
    try:
        subscriber_id, edition_id = _pressed(request, token)
    except ExpiredToken:  # the page lay open for days: show a fresh one
        return redirect("leave", token=token)
    leaving.leave(
        subscriber_id,
        now=timezone.now(),
        evidence=f"unsubscribe page, edition {edition_id}",
        goodbye=True,
    )
    return redirect("leave", token=token)


@csrf_exempt
@require_POST
@private_page
def come_back(request: HttpRequest, token: str) -> HttpResponse:
    """Undo leaving, for as long as the page offers it."""
    try:
        subscriber_id, _edition_id = _pressed(request, token)
    except ExpiredToken:
        return redirect("leave", token=token)
    now = timezone.now()
    if not leaving.come_back(subscriber_id, now=now):
        return redirect("leave", token=token)
    reader = Subscriber.objects.get(pk=subscriber_id)
    paused_until = None
    if reader.paused_until is not None and reader.paused_until > now:
        paused_until = reader.paused_until.astimezone(local_zone(reader.timezone)).date()
    return render(request, "pages/came_back.html", {"paused_until": paused_until})


def _pressed(request: HttpRequest, token: str) -> tuple[int, int]:
    """Return (subscriber, edition) of a button that our own page showed for this very reader.

    Raises:
        ExpiredToken: when the page is older than a day.
        BadToken: when either token is bad, or they are not of one reader.
    """
    subscriber_id, edition_id = read(Power.LEAVE, token)
    if read(Power.LEAVE_PAGE, request.POST.get("page", ""), timezone.now()) != (subscriber_id,):
        raise BadToken("the button belongs to another page")
    return subscriber_id, edition_id
