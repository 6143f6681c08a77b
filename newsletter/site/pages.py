"""Pages of long lists, and how long a page is shown again as it was made."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

PER_PAGE = 50
SHOWN_AGAIN = 60
"""Seconds for which each web process shows a public page again without making it anew. So long a
paper that staff have just taken out may still be seen on the site.
"""


def page_of(
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
