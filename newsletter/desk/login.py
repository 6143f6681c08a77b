"""Where a login comes from, for the delay after wrong passwords (django-axes)."""

from http import HTTPStatus

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def network_address(request: HttpRequest) -> str:
    """Return the address that the request came from.

    Behind a proxy that is the last entry of X-Forwarded-For, the one our own proxy wrote; all
    before it is the client's word, by which somebody who guesses passwords could look like somebody
    else at every try.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return direct
    return (
        str(request.META.get("HTTP_X_FORWARDED_FOR", direct)).rpartition(",")[2].strip() or direct
    )


def locked_out(
    request: HttpRequest, _refusal: HttpResponse | None, _credentials: dict[str, str] | None
) -> HttpResponse:
    """Answer who guessed too often; says nothing about whether the account exists."""
    context = {
        **admin.site.each_context(request),
        "title": _("Please wait"),
        "minutes": int(settings.AXES_COOLOFF_TIME.total_seconds() // 60),
    }
    return render(request, "desk/locked.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
