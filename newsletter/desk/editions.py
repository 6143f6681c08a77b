"""Editions: the curation desk before the freeze, strikes and the books after it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingest.models import Paper
from newsletter.desk.base import ReadOnlyAdmin, row_number
from newsletter.desk.candidates import ORDERS, candidate_page, left_out_by_machine
from newsletter.desk.columns import instant
from newsletter.desk.edition_steps import STEPS
from newsletter.desk.preview import PreviewPages
from newsletter.desk.steps import Because
from newsletter.editions import WrongState, curate
from newsletter.editions.candidates import come_since_hold, is_closed
from newsletter.models import (
    AFTER_FREEZE,
    BEFORE_FROZEN,
    NO_OBSTACLE,
    STOPPED,
    Alert,
    AlertKind,
    Candidate,
    CurationKind,
    Edition,
    EditionState,
)
from newsletter.sending.books import books, estimate
from newsletter.sending.control import strike

MAY_CURATE = "newsletter.add_curation"
MAY_STRIKE = "newsletter.add_strike"
TRAIL = 30
NOMINAL = instant("nominal_at", gettext_lazy("frozen by"))
APPROVED = instant("approved_at", gettext_lazy("approved"))
FROZEN = instant("frozen_at", gettext_lazy("frozen"))
DONE = instant("done_at", gettext_lazy("done"))


# Counted for the rows that are shown. A join would count for all editions first.
CANDIDATE_COUNT = Coalesce(
    Subquery(
        Candidate.objects.filter(edition=OuterRef("pk"))
        .order_by()
        .values("edition")
        .annotate(number=Count("pk"))
        .values("number")
    ),
    0,
)


class CurationForm(forms.Form):
    """One decision, as the small controls of a candidate send it. `value` is a number or, for a
    note, its words.
    """

    paper = forms.IntegerField(min_value=1)
    kind = forms.ChoiceField(choices=CurationKind.choices)
    value = forms.CharField(required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        """Turn the value into a number where the kind of decision takes one."""
        cleaned = super().clean() or {}
        if cleaned.get("kind") not in (None, CurationKind.NOTE):
            cleaned["value"] = forms.IntegerField(min_value=-100, max_value=100).clean(
                cleaned.get("value")
            )
        return cleaned


def editions_that_fail(editions: QuerySet[Edition]) -> QuerySet[Edition]:
    """Return the editions that cannot be collected, planned or closed. Those that are held or
    paused, and failing batches, are counted by themselves.
    """
    alerts = Alert.objects.shown().exclude(kind__in=[*STOPPED, *NO_OBSTACLE, AlertKind.BATCHES])
    return editions.filter(pk__in=alerts.values("edition"))


class FailsFilter(admin.SimpleListFilter):
    """Editions that cannot go on."""

    title = gettext_lazy("cannot go on")
    parameter_name = "fails"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("yes"))]

    def queryset(self, _request: HttpRequest, editions: QuerySet[Edition]) -> QuerySet[Edition]:
        return editions_that_fail(editions) if self.value() == "yes" else editions


@admin.register(Edition)
class EditionAdmin(PreviewPages, ReadOnlyAdmin):
    page_template = "desk/edition.html"
    steps = STEPS
    list_display = (
        "__str__",
        "state",
        "candidate_count",
        NOMINAL,
        APPROVED,
        FROZEN,
        DONE,
        "held_reason",
    )
    list_filter = ("state", FailsFilter, "cadence", "day")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Edition]:
        editions: QuerySet[Edition] = super().get_queryset(request)
        return editions.defer("statistics").annotate(candidate_count=CANDIDATE_COUNT)

    @admin.display(description=gettext_lazy("candidates"))
    def candidate_count(self, edition: Edition) -> int:
        return int(getattr(edition, "candidate_count", 0))

    def get_urls(self) -> list[URLPattern]:
        views = {"curate": self.curate_view, "strike": self.strike_view}
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"newsletter_edition_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def page_context(self, request: HttpRequest, obj: Edition) -> dict[str, Any]:
        """Return the candidates with their decisions, what this person may do now, the books,
        and the trail of who decided what.
        """
        may = request.user.has_perm
        frozen = obj.state in AFTER_FREEZE
        return {
            "steps": self.open_steps(request, obj),
            "candidates": candidate_page(obj, request.GET),
            "left_out": left_out_by_machine(obj) if frozen else [],
            "orders": list(ORDERS),
            "new_papers": come_since_hold(obj).count() if obj.held_at else 0,
            "is_closed": is_closed(obj),
            "asked": request.GET,
            "may_curate": obj.state in (*BEFORE_FROZEN, EditionState.HELD) and may(MAY_CURATE),
            "may_strike": frozen and may(MAY_STRIKE),
            "alerts": obj.alerts.standing().exclude(kind__in=STOPPED),
            "books": books(obj) if obj.planned_at else None,
            "ready_at": estimate(obj, timezone.now()),
            "trail": obj.curations.select_related("paper", "by").order_by("-at", "-pk")[:TRAIL],
        }

    def curate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write one decision and go back to the row it was about."""
        edition = self.seen(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (isinstance(request.user, User) and request.user.has_perm(MAY_CURATE)):
            raise PermissionDenied
        form = CurationForm(request.POST)
        back = reverse("admin:newsletter_edition_change", args=[edition.pk])
        asked = QueryDict(request.POST.get("back", "")).urlencode()
        if not form.is_valid():
            messages.error(
                request,
                _(
                    "Nothing was decided: a boost is a number from −100 to 100, and a note has at "
                    "most 500 characters."
                ),
            )
            return redirect(f"{back}?{asked}")
        paper = _candidate(edition, form.cleaned_data["paper"])
        try:
            curate(
                edition,
                paper,
                form.cleaned_data["kind"],
                request.user,
                timezone.now(),
                form.cleaned_data["value"],
            )
        except (WrongState, ValueError) as error:
            messages.error(request, str(error))
        return redirect(f"{back}?{asked}#paper-{paper.pk}")

    def strike_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason (GET), then take the paper out of the frozen edition (POST)."""
        edition = self.seen(request, object_id)
        if not (isinstance(request.user, User) and request.user.has_perm(MAY_STRIKE)):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        paper = _candidate(edition, asked.get("paper", ""))
        form = Because(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                strike(edition, paper, form.cleaned_data["reason"], request.user, timezone.now())
            except WrongState as error:
                messages.error(request, str(error))
            else:
                done = _("Struck “%(title)s”: %(reason)s") % {
                    "title": paper.title,
                    "reason": form.cleaned_data["reason"],
                }
                self.log_change(request, edition, done)
                messages.success(request, done)
            return redirect(reverse("admin:newsletter_edition_change", args=[edition.pk]))
        question = _(
            "Take “%(title)s” out of this edition? Whoever has not got it yet will not, and that "
            "cannot be undone."
        )
        context = {
            "label": _("Strike"),
            "question": question % {"title": paper.title},
            "grave": True,
            "open": edition.state in AFTER_FREEZE,
            "form": form,
            "hidden": {"paper": paper.pk},
        }
        return self.answer(request, "desk/step.html", edition, context)


def _candidate(edition: Edition, number: Any) -> Paper:
    """Return the paper of that number if it is a candidate of the edition."""
    paper = row_number(str(number))
    return get_object_or_404(Paper, pk=paper, candidacies__edition=edition)
