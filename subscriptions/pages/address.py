"""Moving to another address: the wish, behind a preferences link, and the new mailbox's word,
behind a link mailed there.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from subscriptions import moving
from subscriptions.forms import AddressForm
from subscriptions.mail_limits import TooManyRequests
from subscriptions.pages.limits import too_many_requests
from subscriptions.pages.private import private_page
from subscriptions.tokens import ExpiredToken, Power, read


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def ask(request: HttpRequest, token: str) -> HttpResponse:
    """Take the new address. The answer is the same for every one; the preferences page says what
    is wrong with an old link.
    """
    now = timezone.now()
    try:
        (subscriber_id,) = read(Power.PREFERENCES, token, now)
    except ExpiredToken:
        return redirect("preferences", token=token)
    form = AddressForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(
            request,
            "pages/ask_address.html",
            {"form": form, "token": token},
            status=422 if form.is_bound else 200,
        )
    try:
        asked_for = moving.ask(subscriber_id, form.cleaned_data["address"], now=now)
    except TooManyRequests as refusal:
        return too_many_requests(request, refusal)
    return redirect("ask_address_sent" if asked_for else "preferences", token=token)


@require_safe
@private_page
def asked(request: HttpRequest, token: str) -> HttpResponse:
    """Say what happens next, whatever the address."""
    try:
        read(Power.PREFERENCES, token, timezone.now())
    except ExpiredToken:
        return redirect("preferences", token=token)
    return render(request, "pages/ask_address_sent.html", {"token": token})


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def change(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; pressing it makes the change. Mail scanners open links, so opening one does
    nothing, and a second press neither.
    """
    now = timezone.now()
    try:
        (address_change_id,) = read(Power.CHANGE_ADDRESS, token, now)
    except ExpiredToken:
        return render(request, "pages/change_address_over.html", status=410)
    if request.method == "POST":
        if not moving.move(address_change_id, now=now):
            return render(request, "pages/change_address_over.html", status=410)
        return redirect("change_address", token=token)
    found = moving.look_up(address_change_id)
    if found is None:
        return render(request, "pages/change_address_over.html", status=410)
    return render(
        request,
        "pages/change_address.html" if found.is_open else "pages/address_changed.html",
        {"change": found},
    )
