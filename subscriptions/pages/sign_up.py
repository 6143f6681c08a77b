"""The sign-up page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from subscriptions.forms import SignUpForm
from subscriptions.mail_limits import TooManyRequests
from subscriptions.origins import origin_of
from subscriptions.pages.limits import too_many_requests
from subscriptions.signup import request_sign_up


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Take a sign-up. The answer is the same for every address, and for a machine that took the
    bait.
    """
    if request.method != "POST":
        return render(request, "pages/sign_up.html", {"form": SignUpForm()})
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return render(request, "pages/sign_up.html", {"form": form}, status=422)
    if not form.is_machine():
        try:
            request_sign_up(
                form.cleaned_data["address"],
                form.choices(),
                form.schedule(),
                origin=origin_of(request),
                now=timezone.now(),
            )
        except TooManyRequests as refusal:
            return too_many_requests(request, refusal)
    return redirect("sign_up_sent")


@require_safe
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """Say what happens next, to everyone alike."""
    return render(request, "pages/sign_up_sent.html")
