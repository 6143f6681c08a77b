"""What every list and page of the desk has in common: nothing is deleted, and most things are
only looked at.
"""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from subscriptions.forms import LONGEST_ID

if TYPE_CHECKING:
    from django import forms
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.views.main import ChangeList

    ModelForm = forms.ModelForm[Any]
    UnfoldAdmin = ModelAdmin[Any]
    UnfoldInline = TabularInline[Any, Any]
else:
    # Django's classes take no type arguments at run time, and django-unfold's, which carry no
    # types, take their place.
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.admin import TabularInline as UnfoldInline
    from unfold.views import ChangeList

__all__ = [
    "DeskAdmin",
    "LargeTable",
    "ModelForm",
    "PageAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "newest_rows",
    "row_number",
]


_FILTER_LOOKUPS = ("exact", "isnull", "isempty", "gte", "lt", "id__exact")
"""What Django's list filters put behind the name of a field."""


MOST_PAGED = 10_000
"""Rows that the pages of a list reach, and that are counted: counting all of a large table, or
passing over a million rows to show fifty, takes seconds. Filters and searches reach the others.
"""
MOST_LOOKED_THROUGH = 50_000
"""Newest rows of a large table that a filter or a search without an index looks through."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Pages through the first `MOST_PAGED` rows of a list."""

    @cached_property
    def count(self) -> int:
        """Count the rows, at most `MOST_PAGED`."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[:MOST_PAGED].count()


def newest_rows(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out all but the newest rows of the table, as far as a list looks through it."""
    keys = rows.model._default_manager.order_by("-pk").values_list("pk", flat=True)
    return rows.filter(pk__gt=(keys.first() or 0) - MOST_LOOKED_THROUGH)


class LargeChangeList(ChangeList):
    """A list of a large table. Only the columns of `sortable_by` order it, also when an address
    asks for another one.
    """

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the column that a field of the list is ordered by; None for most."""
        sortable = self.model_admin.get_sortable_by(None)  # type: ignore[arg-type]  # ours needs no request
        return super().get_ordering_field(field_name) if field_name in sortable else None

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """Return the rows that were asked for; of those without an index the newest."""
        found = super().get_queryset(request, exclude_parameters)
        slow = cast("LargeTable", self.model_admin).slow_parameters
        if not any(request.GET.get(name) for name in slow):
            return found
        return newest_rows(found)


class DeskAdmin(UnfoldAdmin):
    """A list that staff look through. Rows are never deleted at the desk: books, consents and
    decisions must stay provable.
    """

    list_per_page = 50
    # Counting every row of a long table only to say “of 1 200 000” costs more than the page.
    show_full_result_count = False
    list_filter_submit = True
    list_fullwidth = True
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the filters beside the list ask for, and nothing else.

        Django allows every lookup on every field of the row. Who asked often enough for a beginning
        of an address, a hash or a sealed key would read all of it. A value that no column holds is
        refused too.
        """
        return _fits_a_column(value) and any(
            lookup in {name, *(f"{name}__{suffix}" for suffix in _FILTER_LOOKUPS)}
            for name in map(_filter_name, self.list_filter)
        )


class LargeTable(DeskAdmin):
    """For a table that may have millions of rows.

    `slow_parameters` are parts of the query string by which no index finds rows: with one of them
    the list looks through the newest `MOST_LOOKED_THROUGH` rows.
    """

    paginator = BoundedPaginator
    sortable_by = ()
    slow_parameters: tuple[str, ...] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LargeChangeList


def _fits_a_column(value: str) -> bool:
    """Say whether a database can compare a value: PostgreSQL raises an error for a NUL character,
    SQLite for a number of more than 64 bits.
    """
    is_number = value.removeprefix("-").isdecimal()
    return "\0" not in value and not (is_number and len(value) > LONGEST_ID)


def _filter_name(entry: Any) -> str:
    """Return the name that an entry of `list_filter` has in the query string."""
    first = entry[0] if isinstance(entry, tuple) else entry
    return str(getattr(first, "parameter_name", first))


class ReadOnlyAdmin(DeskAdmin):
    """Rows that the machine owns: looked at, never edited. What staff may do to them is a step
    with a name (`newsletter.desk.steps`).
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(UnfoldInline):
    """Rows shown inside the page of what they belong to."""

    extra = 0
    can_delete = False
    tab = False
    per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PageAdmin(DeskAdmin):
    """Rows whose page is a template of ours instead of a form: `page_template`, with what
    `page_context` returns.
    """

    page_template = ""

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page needs beside the object."""
        raise NotImplementedError(f"{type(self).__name__} has to say what its page shows")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page. A POST here means nothing: each thing that staff may do has an address
        of its own.
        """
        obj = self.seen(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self.answer(
            request,
            self.page_template,
            obj,
            {**self.page_context(request, obj), **(extra_context or {})},
        )

    def seen(self, request: HttpRequest, object_id: str) -> Any:
        """Return the object.

        Raises:
            Http404: there is none of that number.
            PermissionDenied: the person may not see it.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404(_("There is no such %(thing)s.") % {"thing": self.opts.verbose_name})
        return obj

    def answer(
        self, request: HttpRequest, template: str, obj: Model, context: dict[str, Any]
    ) -> HttpResponse:
        """Return a page of the desk about `obj`."""
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": str(obj),
            **context,
        }
        return TemplateResponse(request, template, whole)


def row_number(text: str) -> int | None:
    """Return the number of a row that a person or a query string gave; None for what is none.

    More digits than a column holds would be an error on SQLite instead of no row.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID else None
