"""The page behind a confirmation link."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from subscriptions import confirming
from subscriptions.pages.private import private_page
from subscriptions.tokens import ExpiredToken, Power, read


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; pressing it confirms. Mail scanners open links, so opening one does
    nothing, and a second visit shows the same.
    """
    now = timezone.now()
    try:
        (sign_up_id,) = read(Power.CONFIRM, token, now)
    except ExpiredToken:
        return render(request, "pages/confirm_expired.html", status=410)
    if request.method == "POST" and confirming.confirm(sign_up_id, now=now):
        return redirect("confirm", token=token)
    confirmed = confirming.is_confirmed(sign_up_id)
    if confirmed is None:
        return render(request, "pages/unknown_link.html", status=404)
    return render(request, "pages/confirmed.html" if confirmed else "pages/confirm.html")
