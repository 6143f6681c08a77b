"""The home page, the archive and one edition."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsletter.models import AFTER_FREEZE, Edition, EditionCadence
from newsletter.site.missing import missing_days, missing_today
from newsletter.site.stories import latest_edition, published_editions, stories_of
from subscriptions.forms import SignUpForm

ON_THE_FRONT = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what trends in the latest edition, beside the sign-up."""
    edition = latest_edition()
    stories = stories_of(edition) if edition else []
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
    """List every edition that went out, and say on which days of the last month there was none."""
    return render(
        request,
        "pages/editions.html",
        {"editions": published_editions(), "missing": missing_days(timezone.now())},
    )


@require_safe
def edition(request: HttpRequest, cadence: str, day: date) -> HttpResponse:
    """Show one edition with all of its papers."""
    if cadence not in EditionCadence.values:
        raise Http404
    found = get_object_or_404(
        Edition.objects.defer("statistics"), cadence=cadence, day=day, state__in=AFTER_FREEZE
    )
    return render(request, "pages/edition.html", {"edition": found, "stories": stories_of(found)})
