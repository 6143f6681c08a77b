"""Papers that are one and papers that may be: suggestions for staff, what was joined, and taking
it apart again.
"""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ingest import identity
from ingest.joining import CannotJoin, merge, split
from ingest.models import Merge, Paper, Suggestion
from newsletter.desk.base import ReadOnlyAdmin, row_number
from newsletter.desk.columns import instant
from newsletter.desk.steps import Step, StepRefused, StepsAdmin

JOINS = "ingest.add_merge"
SPLITS = "ingest.change_merge"
AT = instant("at", gettext_lazy("merged"))
SPLIT_AT = instant("split_at", gettext_lazy("split"))
SUGGESTED_AT = instant("suggested_at", gettext_lazy("suggested"))
SETTLED_AT = instant("settled_at", gettext_lazy("settled"))


def join(paper: Paper, into: Paper, staff: User, now: datetime) -> str:
    """Join two papers, and return the sentence that says so.

    Raises:
        StepRefused: they are one already.
    """
    try:
        made = merge(paper, into, now=now, by=staff)
    except CannotJoin as error:
        raise StepRefused(str(error)) from error
    before = made.undo["fields"]["title"]
    done = _("“%(paper)s” is now one with “%(into)s”.") % {"paper": made.paper, "into": before}
    if made.into.title == before:
        return done
    renamed = _("Its title is now “%(title)s”: the source of that title has precedence.")
    return f"{done} {renamed % {'title': made.into.title}}"


class OtherPaper(forms.Form):
    """Which paper another one is the same as."""

    other = forms.CharField(
        label=gettext_lazy("Its arXiv id, its DOI, or its number here"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
    )

    def clean_other(self) -> Paper:
        """Find the paper."""
        text = self.cleaned_data["other"].strip()
        number = identity.arxiv_id(text)
        found = (
            Paper.objects.filter(arxiv_id=number.number)
            if number
            else Paper.objects.filter(doi=identity.doi(text) or "–")
        )
        if (own := row_number(text)) is not None:
            found = Paper.objects.filter(pk=own)
        paper = found.first()
        if paper is None:
            raise forms.ValidationError(_("There is no such paper here."))
        return paper


def _are_one(suggestion: Suggestion, staff: User, _answers: dict[str, Any], now: datetime) -> str:
    """Join the two; the one with an arXiv id stays, or else the older."""
    pair = sorted(
        (suggestion.paper, suggestion.other),
        key=lambda paper: (paper.arxiv_id is None, paper.doi is None, paper.pk),
    )
    return join(pair[1], pair[0], staff, now)


def _are_two(suggestion: Suggestion, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    Suggestion.objects.filter(pk=suggestion.pk, settled_at=None).update(settled_at=now)
    return _("They stay two papers.")


@admin.register(Suggestion)
class SuggestionAdmin(StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/suggestion.html"
    list_display = ("paper", "other", "likeness", SUGGESTED_AT, SETTLED_AT)
    list_filter = (("settled_at", admin.EmptyFieldListFilter),)
    list_select_related = ("paper", "other")
    steps = (
        Step(
            "one",
            gettext_lazy("They are one"),
            gettext_lazy(
                "Join the two? Who was mailed one of them is not mailed the other. It can be "
                "undone."
            ),
            JOINS,
            lambda suggestion: suggestion.settled_at is None,
            _are_one,
        ),
        Step(
            "two",
            gettext_lazy("They are two"),
            gettext_lazy("Leave them two papers? They will not be suggested again."),
            JOINS,
            lambda suggestion: suggestion.settled_at is None,
            _are_two,
        ),
    )

    def page_context(self, request: HttpRequest, obj: Suggestion) -> dict[str, Any]:
        """Return both papers."""
        return {"papers": [obj.paper, obj.other], "steps": self.open_steps(request, obj)}


def _split(merged: Merge, staff: User, _answers: dict[str, Any], now: datetime) -> str:
    try:
        split(merged, now=now, by=staff)
    except CannotJoin as error:
        raise StepRefused(str(error)) from error
    return _("“%(paper)s” is a paper of its own again.") % {"paper": merged.paper}


@admin.register(Merge)
class MergeAdmin(StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/suggestion.html"
    list_display = ("paper", "into", AT, "by", SPLIT_AT)
    list_filter = (("split_at", admin.EmptyFieldListFilter), ("by", admin.EmptyFieldListFilter))
    list_select_related = ("paper", "into", "by")
    search_fields = ("paper__title", "into__title")
    steps = (
        Step(
            "split",
            gettext_lazy("Split"),
            gettext_lazy(
                "Make them two papers again? Each gets back the ids, listings and votes that it "
                "brought."
            ),
            SPLITS,
            lambda merged: merged.split_at is None,
            _split,
        ),
    )

    def page_context(self, request: HttpRequest, obj: Merge) -> dict[str, Any]:
        """Return the paper that went and the one that stayed."""
        return {
            "papers": [obj.paper, obj.into],
            "merge": obj,
            "steps": self.open_steps(request, obj),
        }
