"""What search engines may read."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """Keep robots away from signed links, which are readers' own, and from staff's desk."""
    closed = [
        "/a/",
        "/c/",
        "/n/",
        "/p/",
        "/search/",
        "/u/",
        "/v/",
        "/outbox/",
        f"/{settings.ADMIN_PATH}/",
    ]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")
