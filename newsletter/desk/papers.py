"""Papers: what the sources said, how the votes grew, and what staff mended or added."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingest.models import Count, Listing, Paper, RunState, Source
from ingest.papers import list_by_hand, vote_history
from ingest.runs import ask_for_paper
from newsletter.desk.base import LargeTable, newest_rows
from newsletter.desk.columns import instant
from newsletter.desk.merges import JOINS, OtherPaper, join
from newsletter.desk.paper_forms import FromArxivForm, NewPaperForm, PaperForm, mark_as_staffs
from newsletter.desk.sparkline import points
from newsletter.desk.steps import StepRefused

IN_WORDS = {"authors": "authors_in_words", "categories": "categories_in_words"}
FIRST_SEEN = instant("first_seen_at", _("first seen"))


class StandingFilter(admin.SimpleListFilter):
    """Papers in use, merged into another, or withdrawn."""

    title = _("standing")
    parameter_name = "standing"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("used", _("in use")), ("merged", _("merged")), ("withdrawn", _("withdrawn"))]

    def queryset(self, _request: HttpRequest, papers: QuerySet[Paper]) -> QuerySet[Paper]:
        if self.value() == "used":
            return papers.filter(merged_into=None, withdrawn_at=None)
        if self.value() == "merged":
            return papers.exclude(merged_into=None)
        if self.value() == "withdrawn":
            return papers.exclude(withdrawn_at=None)
        return papers


class SourceFilter(admin.SimpleListFilter):
    """Papers that a source listed, each once."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        listing = Source.objects.filter(Exists(Listing.objects.filter(source=OuterRef("pk"))))
        return list(listing.order_by("title").values_list("slug", "title"))

    def queryset(self, _request: HttpRequest, papers: QuerySet[Paper]) -> QuerySet[Paper]:
        if not self.value():
            return papers
        return papers.filter(
            pk__in=Listing.objects.filter(source__slug=self.value()).values("paper")
        )


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One listing as the paper's page shows it; `line` is the sparkline of its votes."""

    source: str
    day: date
    counts: list[Count]
    line: str


@admin.register(Paper)
class PaperAdmin(LargeTable):
    form = PaperForm
    slow_parameters = ("standing", "source", "published__gte", "published__lt")
    list_display = ("title", "arxiv_id", "published", "most_votes", "listed_by", FIRST_SEEN)
    list_filter = (StandingFilter, SourceFilter, "published")
    search_fields = ("title", "arxiv_id", "doi")
    search_help_text = _("Whole arXiv id or DOI, or words in the titles of the newest papers")
    readonly_fields = (
        "arxiv_id",
        "arxiv_version",
        "doi",
        "year_inferred",
        "withdrawn_at",
        "merged_into",
        "first_seen_at",
        *IN_WORDS.values(),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "title",
                    "abstract",
                    "authors",
                    ("published", "year_inferred"),
                    "categories",
                )
            },
        ),
        (_("Where it is"), {"fields": ("link", "code_link", "project_link")}),
        (
            _("What it is"),
            {
                "fields": (
                    ("arxiv_id", "arxiv_version"),
                    ("doi", "merged_into"),
                    ("first_seen_at", "withdrawn_at"),
                )
            },
        ),
    )
    view_on_site = False
    change_form_outer_after_template = "desk/paper_history.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Paper]:
        papers: QuerySet[Paper] = super().get_queryset(request)
        votes = (
            Count.objects.filter(listing__paper=OuterRef("pk")).order_by().values("listing__paper")
        )
        return papers.annotate(
            most_votes=Subquery(votes.annotate(most=Max("votes")).values("most"))
        ).prefetch_related("listings__source")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Paper], search_term: str
    ) -> tuple[QuerySet[Paper], bool]:
        """Find a paper by its whole id, or the newest ones by words of their titles."""
        term = search_term.strip()
        named = Paper.objects.filter(Q(arxiv_id=term) | Q(doi=term)).values_list("pk", flat=True)
        if term and (keys := list(named)):
            return queryset.filter(pk__in=keys), False
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        return newest_rows(found) if term else found, may_repeat

    @admin.display(description=_("votes"))
    def most_votes(self, paper: Paper) -> int | None:
        found: int | None = getattr(paper, "most_votes", None)
        return found

    @admin.display(description=_("listed by"))
    def listed_by(self, paper: Paper) -> str:
        return ", ".join(sorted({listing.source.title for listing in paper.listings.all()}))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("from-arxiv/", view(self.from_arxiv_view), name="ingest_paper_from_arxiv"),
            path(
                "<int:object_id>/list/",
                view(require_POST(self.list_view)),
                name="ingest_paper_list",
            ),
            path("<int:object_id>/join/", view(self.join_view), name="ingest_paper_join"),
            *super().get_urls(),
        ]

    def from_arxiv_view(self, request: HttpRequest) -> HttpResponse:
        """Have one paper fetched from arXiv by its id; a worker does it within seconds."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = FromArxivForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            run = ask_for_paper(form.cleaned_data["arxiv_id"], timezone.now())
            self.log_change(request, run.source, str(_("Asked for %(id)s.")) % {"id": run.subject})
            if run.state == RunState.FAILED:
                messages.error(request, run.error)
            else:
                messages.success(request, _asked_for(run.subject))
            return redirect(reverse("admin:ingest_paper_changelist"))
        return self._form_page(request, str(_("Fetch a paper from arXiv")), form)

    def join_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Join this paper with another one, which stays (GET asks, POST acts)."""
        if not isinstance(request.user, User) or not request.user.has_perm(JOINS):
            raise PermissionDenied
        paper = get_object_or_404(Paper, pk=object_id)
        form = OtherPaper(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            into = form.cleaned_data["other"]
            try:
                done = join(paper, into, request.user, timezone.now())
            except StepRefused as refusal:
                form.add_error("other", str(refusal))
            else:
                self.log_change(request, paper, done)
                messages.success(request, done)
                return redirect(reverse("admin:ingest_paper_change", args=[into.pk]))
        return self._form_page(
            request, _("“%(title)s” is the same paper as …") % {"title": paper.title}, form
        )

    def _form_page(self, request: HttpRequest, title: str, form: Any, **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            **more,
        }
        return TemplateResponse(request, "desk/form.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add a paper by hand. One that is stored already, by its id or title, is not changed: the
        answer leads to its page, and offers to list it today.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewPaperForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (paper := form.store(timezone.now())):
            self.log_change(request, paper, str(_("Added by hand.")))
            messages.success(
                request,
                _("“%(title)s” is stored, and listed today by the staff.") % {"title": paper.title},
            )
            return redirect(reverse("admin:ingest_paper_change", args=[paper.pk]))
        beside = (reverse("admin:ingest_paper_from_arxiv"), _("Fetch it from arXiv instead"))
        return self._form_page(
            request, str(_("Add a paper by hand")), form, beside=beside, stored=form.stored
        )

    def list_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """List a stored paper today, by the staff, so that today's edition may have it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        paper = get_object_or_404(Paper, pk=object_id, merged_into=None, withdrawn_at=None)
        list_by_hand(paper, now=timezone.now())
        done = _("“%(title)s” is listed today by the staff.") % {"title": paper.title}
        self.log_change(request, paper, done)
        messages.success(request, done)
        return redirect(reverse("admin:ingest_paper_change", args=[paper.pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the paper's form with, below it, what each source said and when."""
        paper = self.get_object(request, object_id)
        history: dict[str, Any] = {
            "may_join": request.user.has_perm(JOINS),
            "may_list": self.has_add_permission(request),
        }
        if paper:
            votes = vote_history([paper.pk], timezone.now()).get(paper.pk)
            history |= {
                "listing_rows": _listing_rows(paper),
                "field_rows": _field_rows(paper),
                "votes": votes,
            }
        return super().change_view(
            request, object_id, form_url, {**history, **(extra_context or {})}
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show lists in words to whoever may not edit them."""
        fieldsets: Any = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {"fields": [IN_WORDS.get(name, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    @admin.display(description=_("authors"))
    def authors_in_words(self, paper: Paper) -> str:
        return ", ".join(paper.authors) or "–"

    @admin.display(description=_("arXiv categories"))
    def categories_in_words(self, paper: Paper) -> str:
        return ", ".join(paper.categories) or "–"

    def save_model(self, request: HttpRequest, obj: Paper, form: Any, change: bool) -> None:
        """Store what staff mended, marked as theirs, and nothing else: a fetch may be writing
        other fields at this moment.
        """
        obj.field_sources = Paper.objects.select_for_update().get(pk=obj.pk).field_sources
        obj.save(update_fields=mark_as_staffs(obj, form, timezone.now()))


def _asked_for(arxiv_id: str) -> str:
    """Return the sentence that says what asking for a paper does, also to one that is stored."""
    stored = Paper.objects.filter(arxiv_id=arxiv_id).first()
    if stored is None:
        return _("arXiv is asked for %(id)s; it will be listed today.") % {"id": arxiv_id}
    return _(
        "“%(title)s” (%(id)s) is stored already. arXiv is asked for it again, and it will be "
        "listed today."
    ) % {"title": stored.title, "id": arxiv_id}


def _listing_rows(paper: Paper) -> list[ListingRow]:
    listings = (
        paper.listings.select_related("source").prefetch_related("counts").order_by("day", "pk")
    )
    return [_listing_row(listing) for listing in listings]


def _listing_row(listing: Listing) -> ListingRow:
    counts = list(listing.counts.all())
    series: list[tuple[datetime, int]] = [
        (count.seen_at, count.votes) for count in counts if count.votes is not None
    ]
    if series and listing.last_seen_at > series[-1][0]:
        series.append(
            (listing.last_seen_at, series[-1][1])
        )  # a count holds until the listing was last read
    return ListingRow(listing.source.title, listing.day, counts, points(series))


def _field_rows(paper: Paper) -> list[tuple[str, str, str]]:
    """Return (field, source, when it was seen there) for each field that a source or staff gave."""
    names = {
        field.name: str(field.verbose_name)
        for field in Paper._meta.get_fields()
        if hasattr(field, "verbose_name")
    }
    return [
        (names.get(name, name), slug, seen)
        for name, (slug, seen) in sorted(paper.field_sources.items())
    ]
