"""The home page, the archive and one edition."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import cache_page
from django.views.decorators.http import require_safe

from newsletter.models import AFTER_FREEZE, Edition, EditionCadence
from newsletter.site.missing import missing_days, missing_today
from newsletter.site.pages import PER_PAGE, SHOWN_AGAIN, page_of
from newsletter.site.stories import Stories, Story, latest_edition
from subscriptions.forms import SignUpForm

ON_THE_FRONT = 8
EDITIONS_PER_PAGE = 100


class Front:
    """What the home page shows of an edition; nothing is read before it is asked for."""

    def __init__(self, edition: Edition) -> None:
        self._stories = Stories(edition)

    def stories(self) -> list[Story]:
        """Return the first stories."""
        return self._stories[:ON_THE_FRONT]

    def left_over(self) -> int:
        """Return how many more papers the edition has."""
        return max(0, len(self._stories) - ON_THE_FRONT)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what trends in the latest edition, beside the sign-up.

    The template keeps what it shows of an edition, so the stories are read when it does not.
    """
    edition = latest_edition()
    context = {
        "edition": edition,
        "missing": missing_today(timezone.now()),
        "front": Front(edition) if edition else None,
        "shown_again": SHOWN_AGAIN,
        "form": SignUpForm(),
    }
    return render(request, "pages/home.html", context)


@require_safe
@cache_page(SHOWN_AGAIN)
def archive(request: HttpRequest) -> HttpResponse:
    """List the editions that went out, newest first; the first page says on which days of the last
    month there was none.
    """
    published = (
        Edition.objects.filter(state__in=AFTER_FREEZE)
        .only("cadence", "day", "state")
        .order_by("-day", "cadence")
    )
    page = page_of(request, published, EDITIONS_PER_PAGE)
    missing = [] if page.has_previous() else missing_days(timezone.now())
    return render(request, "pages/editions.html", {"page": page, "missing": missing})


@require_safe
@cache_page(SHOWN_AGAIN)
def edition(request: HttpRequest, cadence: str, day: date) -> HttpResponse:
    """Show one edition, a page of its papers at a time."""
    if cadence not in EditionCadence.values:
        raise Http404
    found = get_object_or_404(
        Edition.objects.defer("statistics"), cadence=cadence, day=day, state__in=AFTER_FREEZE
    )
    page = page_of(request, Stories(found), PER_PAGE)
    return render(request, "pages/edition.html", {"edition": found, "page": page})
