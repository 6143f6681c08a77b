"""Answers to HEAD without their body, as HTTP has them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def bodiless_heads(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Empty the body of an answer to HEAD and keep its headers (RFC 9110 section 9.3.2).

    Django leaves that to the web server, and ours writes a warning each time: mail scanners would
    fill the log with them.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD" and not response.streaming:
            response.content = b""
        return response

    return answer
