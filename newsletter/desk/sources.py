"""Sources and their fetches: what was asked, what came, and what could not be read."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from ingest.models import Fetch, Rejection, Source
from newsletter.desk.base import ReadOnlyAdmin, ReadOnlyInline
from newsletter.desk.columns import instant

LAST_FETCH = instant("last_fetch", _("last fetch"))
STARTED = instant("started_at", _("started"))


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("title", "slug", "kind", "enabled", "priority", LAST_FETCH, "listed")
    list_filter = ("enabled", "kind")
    fields = ("title", "slug", "kind", "enabled", "priority", "options")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        sources: QuerySet[Source] = super().get_queryset(request)
        return sources.annotate(last_fetch=Max("fetches__started_at"), listed=Count("listings", distinct=True))

    @admin.display(description=_("listings"), ordering="listed")
    def listed(self, source: Source) -> int:
        return int(getattr(source, "listed", 0))


class RejectedFilter(admin.SimpleListFilter):
    """Fetches with an entry that could not be read."""

    title = _("rejected entries")
    parameter_name = "rejects"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("some", _("some"))]

    def queryset(self, _request: HttpRequest, fetches: QuerySet[Fetch]) -> QuerySet[Fetch]:
        return fetches.filter(rejected__gt=0) if self.value() == "some" else fetches


class RejectionInline(ReadOnlyInline):
    model = Rejection
    fields = ("line", "reason", "excerpt")
    verbose_name_plural = _("rejected entries")


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    list_display = (STARTED, "source", "origin", "status", "entries", "new", "updated", "unchanged", "rejected")
    list_filter = ("status", "source", RejectedFilter)
    list_select_related = ("source",)
    search_fields = ("origin",)
    fields = (
        "source",
        "origin",
        ("window_start", "window_end"),
        ("started_at", "finished_at"),
        ("status", "http_status"),
        ("entries", "rejected"),
        ("new", "updated", "unchanged"),
        "warned",
        "error",
    )
    readonly_fields = ("warned",)
    inlines = (RejectionInline,)

    @admin.display(description=_("warnings"))
    def warned(self, fetch: Fetch) -> str:
        return format_html_join("", "<div>{}</div>", ((str(warning),) for warning in fetch.warnings)) or "–"
