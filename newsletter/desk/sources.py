"""Sources and their fetches: what was asked, what came, and what could not be read."""

from datetime import datetime

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ingest.models import Fetch, Rejection, Source
from newsletter.desk.base import ReadOnlyAdmin, ReadOnlyInline


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("title", "slug", "kind", "enabled", "priority", "last_fetch", "listed", "next_try_at", "cool_down_until")
    list_filter = ("enabled", "kind")
    fields = ("title", "slug", "kind", "enabled", "priority", "options", "next_try_at", "cool_down_until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        sources: QuerySet[Source] = super().get_queryset(request)
        return sources.annotate(last_fetch=Max("fetches__started_at"), listed=Count("listings", distinct=True))

    @admin.display(description=_("last fetch"), ordering="last_fetch")
    def last_fetch(self, source: Source) -> datetime | None:
        found: datetime | None = getattr(source, "last_fetch", None)
        return found

    @admin.display(description=_("listings"), ordering="listed")
    def listed(self, source: Source) -> int:
        return int(getattr(source, "listed", 0))


class RejectionInline(ReadOnlyInline):
    model = Rejection
    fields = ("line", "reason", "excerpt")
    verbose_name_plural = _("rejected entries")


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "source", "origin", "status", "entries", "new", "updated", "unchanged", "rejected")
    list_filter = ("status", "source", ("rejected", admin.EmptyFieldListFilter))
    list_select_related = ("source",)
    search_fields = ("origin",)
    fields = (
        "source",
        "origin",
        ("window_start", "window_end"),
        ("started_at", "finished_at"),
        ("status", "http_status"),
        ("entries", "new", "updated", "unchanged", "rejected"),
        "warnings",
        "error",
    )
    inlines = (RejectionInline,)
