"""Batches: how far a run is, and which of them fail."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from newsletter.desk.base import ReadOnlyAdmin
from newsletter.desk.columns import instant
from newsletter.desk.edition_steps import STEERS_RUNS
from newsletter.desk.steps import Step, StepRefused, StepsAdmin
from newsletter.models import Batch, BatchState
from newsletter.sending.failing import try_again

SLOT = instant("slot_at", _("wanted at"))
SEND_AFTER = instant("send_after", _("send after"))
LEASE = instant("lease_until", _("lease until"))
FINISHED = instant("finished_at", _("finished"))


def _try_again(batch: Batch, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    if not try_again(Batch.objects.filter(pk=batch.pk), now):
        raise StepRefused(_now("Something has become of it meanwhile: it does not fail any more."))
    return _now("It is tried again within a minute.")


STEPS = (
    Step(
        name="try-again",
        label=_("Try again"),
        question=_("Try this batch again at once? Do it when what made it fail is mended."),
        permission=STEERS_RUNS,
        open_to=lambda batch: batch.state == BatchState.PLANNED and batch.failures > 0,
        run=_try_again,
    ),
)


class FailsFilter(admin.SimpleListFilter):
    """Batches that failed several times in a row."""

    title = _("fails again and again")
    parameter_name = "fails"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("yes"))]

    def queryset(self, _request: HttpRequest, batches: QuerySet[Batch]) -> QuerySet[Batch]:
        failing = Batch.objects.failing().values("pk")
        return batches.filter(pk__in=failing) if self.value() == "yes" else batches


@admin.register(Batch)
class BatchAdmin(StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/batch.html"
    steps = STEPS
    list_display = (
        "__str__",
        "state",
        SLOT,
        SEND_AFTER,
        "planned_count",
        "cursor",
        "halted",
        LEASE,
        FINISHED,
        "failures",
        "failure_reason",
    )
    list_filter = ("state", "halted", FailsFilter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        batches: QuerySet[Batch] = super().get_queryset(request)
        return batches.select_related("edition").defer("edition__statistics", "subscriber_ids")

    def page_context(self, request: HttpRequest, obj: Batch) -> dict[str, Any]:
        """Return the steps that this person may take, and how often failures are shown."""
        return {"steps": self.open_steps(request, obj)}
