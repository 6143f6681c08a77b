"""What every list and page of the desk has in common: nothing is deleted, and most things are
only looked at.
"""

from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from subscriptions.forms import LONGEST_ID

if TYPE_CHECKING:
    from django import forms
    from django.contrib.admin import ModelAdmin, TabularInline

    ModelForm = forms.ModelForm[Any]
    UnfoldAdmin = ModelAdmin[Any]
    UnfoldInline = TabularInline[Any, Any]
else:
    # Django's classes take no type arguments at run time, and django-unfold's, which carry no
    # types, take their place.
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.admin import TabularInline as UnfoldInline

__all__ = [
    "DeskAdmin",
    "ModelForm",
    "PageAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "row_number",
]


_FILTER_LOOKUPS = ("exact", "isnull", "isempty", "gte", "lt", "id__exact")
"""What Django's list filters put behind the name of a field."""


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
