"""The home page, the archive and one edition."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsletter.models import AFTER_FREEZE, Edition, EditionCadence
from newsletter.site.missing import missing_days, missing_today
from newsletter.site.stories import Stories, latest_edition
from subscriptions.forms import SignUpForm

ON_THE_FRONT = 8
PER_PAGE = 50
EDITIONS_PER_PAGE = 100


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what trends in the latest edition, beside the sign-up."""
    edition = latest_edition()
    stories = Stories(edition) if edition else []
    context = {
        "edition": edition,
        "missing": missing_today(timezone.now()),
        "stories": stories[:ON_THE_FRONT],
        "left_over": max(0, len(stories) - ON_THE_FRONT),
        "form": SignUpForm(),
    }
    return render(request, "pages/home.html", context)


@require_safe
def archive(request: HttpRequest) -> HttpResponse:
    """List the editions that went out, newest first; the first page says on which days of the last
    month there was none.
    """
    published = (
        Edition.objects.filter(state__in=AFTER_FREEZE)
        .only("cadence", "day", "state")
        .order_by("-day", "cadence")
    )
    page = _page(request, published, EDITIONS_PER_PAGE)
    missing = [] if page.has_previous() else missing_days(timezone.now())
    return render(request, "pages/editions.html", {"page": page, "missing": missing})


@require_safe
def edition(request: HttpRequest, cadence: str, day: date) -> HttpResponse:
    """Show one edition, a page of its papers at a time."""
    if cadence not in EditionCadence.values:
        raise Http404
    found = get_object_or_404(
        Edition.objects.defer("statistics"), cadence=cadence, day=day, state__in=AFTER_FREEZE
    )
    page = _page(request, Stories(found), PER_PAGE)
    return render(request, "pages/edition.html", {"edition": found, "page": page})


def _page(
    request: HttpRequest, listed: "Sequence[Any] | QuerySet[Any]", per_page: int
) -> "Page[Any]":
    """Return the page that `?page=` names, the first without it.

    Raises:
        Http404: there is no such page.
    """
    try:
        return Paginator(listed, per_page).page(request.GET.get("page", "1"))
    except InvalidPage as error:
        raise Http404 from error
