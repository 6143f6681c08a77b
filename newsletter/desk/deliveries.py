"""Deliveries: what each reader got, why those papers, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingest.models import Paper
from newsletter.desk.base import LargeTable, ReadOnlyAdmin, row_number
from newsletter.desk.columns import instant
from newsletter.desk.letters import reader_link
from newsletter.desk.steps import Step, StepRefused, StepsAdmin
from newsletter.editions import WrongState
from newsletter.models import Batch, Delivery, DeliveryStatus, Edition, Ids
from newsletter.ranking.values import Explanation, Parts
from newsletter.sending.control import settle_uncertain
from newsletter.sending.explaining import CannotExplain, explanations

EDITIONS_TO_CHOOSE = 14
MOST_BATCHES = 100
"""Batches that a list looks through: some ten thousand deliveries."""
STATUS = "status__exact"
SETTLED = instant("settled_at", gettext_lazy("settled"))


def _newest_batches(edition: int | None = None, status: str = "") -> Ids:
    """Return the newest batches, of one edition or of all, that may have deliveries of a status.

    No index knows which deliveries an edition has had lately, or a delivery's status; the batches
    lead to both.
    """
    batches = Batch.objects.order_by("-pk")
    if edition is not None:
        batches = batches.filter(edition=edition)
    if status in DeliveryStatus.values:
        some = Q(**{f"counts__{status}__gt": 0})
        batches = batches.filter(Q(counts__isnull=True) | some)
    return Ids(batches.values_list("pk", flat=True)[:MOST_BATCHES])


class StatusFilter(admin.ChoicesFieldListFilter):
    """Deliveries of a status: those of the newest batches that have any."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        found = super().queryset(request, queryset)
        status = request.GET.get(STATUS)
        if found is None or not status:
            return queryset
        edition = row_number(request.GET.get(EditionFilter.parameter_name, ""))
        return found.filter(batch__among=_newest_batches(edition, status))


class EditionFilter(admin.SimpleListFilter):
    """The newest editions; those before are reached from their own pages."""

    title = gettext_lazy("edition")
    parameter_name = "edition"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        newest = Edition.objects.only("day", "cadence").order_by("-day", "cadence")[
            :EDITIONS_TO_CHOOSE
        ]
        return [(str(edition.pk), str(edition)) for edition in newest]

    def queryset(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
        value = self.value()
        if value is None:
            return deliveries
        number = row_number(value)
        if number is None:
            return deliveries.none()
        if request.GET.get(STATUS):
            return deliveries.filter(edition=number)
        return deliveries.filter(edition=number, batch__among=_newest_batches(number))


@dataclass(frozen=True, slots=True)
class MailedPaper:
    """One paper of a delivery with its stored parts; `again` is what the frozen statistics give
    today, which must be the same.
    """

    place: int
    paper: Paper | None
    number: int
    parts: Parts
    again: Explanation | None

    @property
    def agrees(self) -> bool:
        return self.again is not None and self.again.parts == self.parts


def _settle(delivery: Delivery, *, arrived: bool, now: datetime) -> None:
    try:
        settled = settle_uncertain([delivery.pk], arrived=arrived, now=now)
    except WrongState as error:
        raise StepRefused(str(error)) from error
    if not settled:
        raise StepRefused(_("Somebody settled it meanwhile."))


def _it_arrived(delivery: Delivery, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    _settle(delivery, arrived=True, now=now)
    return _("Settled as sent: it arrived.")


def _send_again(delivery: Delivery, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    _settle(delivery, arrived=False, now=now)
    return _("It did not arrive, and is planned again.")


MAY_SETTLE = "newsletter.change_delivery"
STEPS = (
    Step(
        name="arrived",
        label=gettext_lazy("It arrived"),
        question=gettext_lazy(
            "Does the provider's own list show that this mail was accepted? Then it counts as sent."
        ),
        permission=MAY_SETTLE,
        open_to=lambda delivery: delivery.status == DeliveryStatus.UNCERTAIN,
        run=_it_arrived,
    ),
    Step(
        name="send-again",
        label=gettext_lazy("Send again"),
        question=gettext_lazy(
            "Does the provider's own list show that it never got this mail? Only then send it "
            "again: otherwise the reader gets it twice."
        ),
        permission=MAY_SETTLE,
        open_to=lambda delivery: delivery.status == DeliveryStatus.UNCERTAIN,
        run=_send_again,
        grave=True,
    ),
)


@admin.register(Delivery)
class DeliveryAdmin(LargeTable, StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/delivery.html"
    steps = STEPS
    list_display = ("__str__", "reader", "status", "reason", "outcome", "number_of_papers", SETTLED)
    list_filter = (EditionFilter, ("status", StatusFilter), "outcome")
    slow_parameters = ("outcome__exact",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        return deliveries.select_related("edition").defer("edition__statistics")

    @admin.display(description=gettext_lazy("reader"), ordering="subscriber")
    def reader(self, delivery: Delivery) -> str | None:
        return reader_link(delivery.subscriber_id)

    @admin.display(description=gettext_lazy("papers"))
    def number_of_papers(self, delivery: Delivery) -> int:
        return len(delivery.papers)

    def page_context(self, request: HttpRequest, obj: Delivery) -> dict[str, Any]:
        """Return the papers with their reasons, and what the provider said, to whoever may read
        that.
        """
        try:
            again, problem = explanations(obj), ""
        except CannotExplain as error:
            again, problem = {}, str(error)
        return {
            "steps": self.open_steps(request, obj),
            "mailed": mailed_papers(obj, again),
            "problem": problem,
            "events": obj.events.order_by("pk")
            if request.user.has_perm("newsletter.view_providerevent")
            else (),
        }


def mailed_papers(delivery: Delivery, again: Mapping[int, Explanation]) -> list[MailedPaper]:
    """Return the papers of a delivery in mailed order, each with its explanation `again`."""
    papers = Paper.objects.in_bulk(delivery.papers)
    return [
        MailedPaper(place, papers.get(number), number, Parts(*parts), again.get(number))
        for place, (number, parts) in enumerate(
            zip(delivery.papers, delivery.parts, strict=True), start=1
        )
    ]
