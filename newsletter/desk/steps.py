"""Steps: what staff may do to an object, each with its permission, its question, a form that
POSTs, and a line in the audit trail.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter.desk.base import PageAdmin


class StepRefused(Exception):
    """A step could not be taken; the message tells staff why."""


class NoQuestions(forms.Form):
    """A step that needs nothing but a yes."""


class Because(forms.Form):
    """A step that must be explained, since somebody will read later why it was taken."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )


@dataclass(frozen=True)
class Step:
    """One thing that staff may do to an object.

    `run` gets the object, the person, the cleaned form and the instant, and returns the sentence
    that says what was done; it raises `StepRefused` when it is too late or the object does not
    allow it. `open_to` says whether the button is shown for an object. A `question` that is a
    function gets the object; so does `initial`, which returns what the form begins with.
    """

    name: str
    label: str | Promise
    question: str | Promise | Callable[[Any], str]
    permission: str
    open_to: Callable[[Any], bool]
    run: Callable[[Any, User, dict[str, Any], datetime], str]
    form: type[forms.Form] = NoQuestions
    initial: Callable[[Any], dict[str, Any]] = lambda _obj: {}
    grave: bool = False


class StepsAdmin(PageAdmin):
    """A page whose object has steps. GET asks, POST acts; both need the right to see the object
    and the step's own permission.
    """

    steps: Sequence[Step] = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.step_view)
        return [
            path("<path:object_id>/step/<slug:name>/", view, name=self._step_url_name()),
            *super().get_urls(),
        ]

    def _step_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_step"

    def open_steps(self, request: HttpRequest, obj: Model) -> list[dict[str, Any]]:
        """Return the buttons for the steps that this person may take now: label, address and
        whether it is grave.
        """
        return [
            {
                "label": step.label,
                "url": reverse(f"admin:{self._step_url_name()}", args=[obj.pk, step.name]),
                "grave": step.grave,
            }
            for step in self.steps
            if step.open_to(obj) and request.user.has_perm(step.permission)
        ]

    def step_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask (GET) or act (POST), then go back to the object's page."""
        obj = self.seen(request, object_id)
        step = next((step for step in self.steps if step.name == name), None)
        if step is None:
            raise Http404
        if not request.user.has_perm(step.permission):
            raise PermissionDenied
        form = step.form(
            request.POST if request.method == "POST" else None, initial=step.initial(obj)
        )
        if request.method == "POST" and form.is_valid():
            self._take(request, step, obj, form.cleaned_data)
            return redirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])
            )
        context = {
            "label": step.label,
            "question": step.question(obj) if callable(step.question) else step.question,
            "grave": step.grave,
            "open": step.open_to(obj),
            "form": form,
        }
        return self.answer(request, "desk/step.html", obj, context)

    def _take(self, request: HttpRequest, step: Step, obj: Model, answers: dict[str, Any]) -> None:
        if not isinstance(request.user, User):
            raise PermissionDenied
        try:
            done = step.run(obj, request.user, answers, timezone.now())
        except StepRefused as refusal:
            messages.error(request, str(refusal))
            return
        self.log_change(request, obj, done)
        messages.success(request, done)
