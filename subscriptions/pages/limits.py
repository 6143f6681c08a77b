"""The answer to a request that a limit refuses."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from subscriptions.mail_limits import Scope, TooManyRequests

RETRY_AFTER = 3600
"""Seconds: the shortest limits are those of an hour."""


def too_many_requests(request: HttpRequest, refusal: TooManyRequests) -> HttpResponse:
    """Say whose requests were too many, and when to try again. The answer depends on no address."""
    response = render(
        request,
        "pages/too_many_requests.html",
        {"scope": refusal.scope.value},
        status=503 if refusal.scope is Scope.EVERYBODY else 429,
    )
    response["Retry-After"] = str(RETRY_AFTER)
    return response
