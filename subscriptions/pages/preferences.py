"""The preferences page, and asking for a link to it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from subscriptions import preferences as chosen
from subscriptions.forms import AddressForm, AskForm, PreferencesForm
from subscriptions.mail_limits import TooManyRequests
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.origins import origin_of
from subscriptions.pages.limits import too_many_requests
from subscriptions.pages.private import private_page
from subscriptions.schedule import local_zone
from subscriptions.signup import request_preferences
from subscriptions.tokens import ExpiredToken, Power, read, sign


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a reader chose and store what they choose now. An old link leads to a new one by
    mail.
    """
    now = timezone.now()
    try:
        (subscriber_id,) = read(Power.PREFERENCES, token, now)
    except ExpiredToken:
        return render(
            request, "pages/ask_preferences.html", {"form": AskForm(), "expired": True}, status=410
        )
    reader = (
        Subscriber.objects.select_related("profile")
        .filter(pk=subscriber_id, state=SubscriberState.ACTIVE)
        .first()
    )
    if reader is None:
        return render(request, "pages/not_a_reader.html")
    form = PreferencesForm(
        reader,
        now.astimezone(local_zone(reader.timezone)).date(),
        request.POST if request.method == "POST" else None,
    )
    if form.is_valid():
        chosen.change(reader.pk, form.choices(), form.schedule(), form.pause_ends(), now=now)
        return redirect(reverse("preferences", args=[token]) + "?saved")
    context = {
        "form": form,
        "address_form": AddressForm(),
        "token": token,
        "reader": reader,
        "saved": "saved" in request.GET and not form.is_bound,
        "paused": reader.paused_until is not None and reader.paused_until > now,
        "leave_token": sign(Power.LEAVE, reader.pk, 0),
    }
    return render(request, "pages/preferences.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def ask_preferences(request: HttpRequest) -> HttpResponse:
    """Mail a reader a new link to their preferences. The answer is the same for every address."""
    form = AskForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(
            request,
            "pages/ask_preferences.html",
            {"form": form},
            status=422 if form.is_bound else 200,
        )
    try:
        request_preferences(
            form.cleaned_data["address"], origin=origin_of(request), now=timezone.now()
        )
    except TooManyRequests as refusal:
        return too_many_requests(request, refusal)
    return redirect("ask_preferences_sent")


@require_safe
def ask_preferences_sent(request: HttpRequest) -> HttpResponse:
    """Say what happens next, to everyone alike."""
    return render(request, "pages/ask_preferences_sent.html")
