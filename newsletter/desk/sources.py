"""Sources and their fetches: how each stands, what was asked, what came, what could not be read,
and files that staff hand in.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingest.health import health
from ingest.models import Fetch, Listing, Rejection, RunState, Source
from ingest.runs import begin_run, window_until
from ingest.sources.registry import KINDS
from newsletter.desk.base import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline
from newsletter.desk.columns import instant
from newsletter.desk.source_forms import SourceForm, UploadForm

LAST_FETCH = instant("last_fetch", _("last fetch"))
STARTED = instant("started_at", _("started"))
DAYS_COUNTED = 30


@admin.register(Source)
class SourceAdmin(DeskAdmin):
    form = SourceForm
    list_display = ("title", "slug", "kind", "enabled", "priority", LAST_FETCH, "listed")
    list_filter = ("enabled", "kind")
    fields = (
        "title",
        "slug",
        "kind",
        "enabled",
        "priority",
        "url",
        "categories",
        "times",
        "key",
        "forget_key",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        sources: QuerySet[Source] = super().get_queryset(request)
        newest = Fetch.objects.filter(source=OuterRef("pk")).order_by("-started_at")
        recent = Listing.objects.filter(
            source=OuterRef("pk"), day__gt=timezone.now().date() - timedelta(days=DAYS_COUNTED)
        )
        counted = recent.order_by().values("source").annotate(listed=Count("pk"))
        return sources.annotate(
            last_fetch=Subquery(newest.values("started_at")[:1]),
            listed=Coalesce(Subquery(counted.values("listed")), 0),
        )

    @admin.display(description=_("listings in 30 days"), ordering="listed")
    def listed(self, source: Source) -> int:
        return int(getattr(source, "listed", 0))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show whoever may not edit a source its options as they are stored."""
        may_edit = (
            self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        )
        return (
            self.fields if may_edit else ("title", "slug", "kind", "enabled", "priority", "options")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A stored source keeps its name and kind, by which its papers and fetches are known."""
        return ("slug", "kind") if obj else ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("standing/", view(self.standing_view), name="ingest_source_standing"),
            path("upload/", view(self.upload_view), name="ingest_source_upload"),
            path(
                "<int:object_id>/ask/", view(require_POST(self.ask_view)), name="ingest_source_ask"
            ),
            *super().get_urls(),
        ]

    def standing_view(self, request: HttpRequest) -> HttpResponse:
        """Show how every source is: the one page to look at when a digest came out thin."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        context = {
            "title": _("How the sources are"),
            "states": health(now),
            "now": now,
            "kinds": list(KINDS),
            "may_ask": request.user.has_perm("ingest.change_source"),
            "may_upload": request.user.has_perm("ingest.add_fetch"),
        }
        return self._page(request, "desk/standing.html", context)

    def ask_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask a source now, beside its schedule. A worker does it within seconds; asking twice
        is asking once.
        """
        if not request.user.has_perm("ingest.change_source"):
            raise PermissionDenied
        source = get_object_or_404(
            Source, pk=object_id, kind__in=[kind for kind in KINDS if kind != "arxiv-paper"]
        )
        now = timezone.now()
        run = begin_run(source, window_until(now), now=now)
        self.log_change(request, source, str(_("Asked by hand.")))
        if run.state == RunState.FAILED:
            messages.error(request, run.error)
        else:
            messages.success(request, _now("%(source)s is being asked.") % {"source": source.title})
        return redirect("admin:ingest_source_standing")

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take in a file, and show what became of it as the fetch that it is."""
        if not request.user.has_perm("ingest.add_fetch"):
            raise PermissionDenied
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if request.method == "POST" and form.is_valid():
            report = form.store(timezone.now())
            fetch = Fetch.objects.filter(source__slug=form.cleaned_data["kind"]).latest("pk")
            self._leave_a_trail(request, fetch)
            if report.error:
                messages.error(request, f"{report.path} {report.error}")
            else:
                told = _now(
                    "%(new)d new, %(updated)d updated, %(unchanged)d unchanged, %(rejected)d "
                    "rejected."
                )
                counts = {
                    "new": report.new,
                    "updated": report.updated,
                    "unchanged": report.unchanged,
                    "rejected": report.rejected,
                }
                messages.success(request, told % counts)
            return redirect(reverse("admin:ingest_fetch_change", args=[fetch.pk]))
        return self._page(
            request,
            "desk/form.html",
            {"title": _("Hand in a file"), "form": form, "with_file": True},
        )

    def _leave_a_trail(self, request: HttpRequest, fetch: Fetch) -> None:
        LogEntry.objects.log_actions(
            request.user.pk or 0, [fetch], CHANGE, _now("Handed in by hand."), single_object=True
        )

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {**self.admin_site.each_context(request), "opts": self.opts, **context},
        )


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
    list_display = (
        STARTED,
        "source",
        "origin",
        "status",
        "entries",
        "new",
        "updated",
        "unchanged",
        "rejected",
    )
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
        return (
            format_html_join("", "<div>{}</div>", ((str(warning),) for warning in fetch.warnings))
            or "–"
        )
