"""Readers: their state and choices, what they agreed to and what we sent them. Nobody edits a
reader but the reader.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsletter.desk.base import LargeTable, ReadOnlyAdmin, row_number
from newsletter.desk.columns import instant
from newsletter.desk.masking import masked
from newsletter.desk.steps import Step, StepRefused, StepsAdmin
from newsletter.desk.wishes import when, wishes
from newsletter.models import Delivery, ProviderEvent
from subscriptions import letters, suppression
from subscriptions.addresses import BadAddress, fold
from subscriptions.models import (
    AddressChange,
    LetterKind,
    LetterState,
    RequestedBy,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)

SHOWN = 20
PAUSED = instant("paused_until", gettext_lazy("paused until"))
SUPPRESSED = instant("suppressed_at", gettext_lazy("suppressed"))
SIGNED_UP = instant("created_at", gettext_lazy("signed up"))


class FactFilter(admin.SimpleListFilter):
    """The facts beside the state."""

    title = gettext_lazy("facts")
    parameter_name = "fact"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("paused", gettext_lazy("paused or was")),
            ("suppressed", gettext_lazy("suppressed")),
        ]

    def queryset(
        self, _request: HttpRequest, readers: QuerySet[Subscriber]
    ) -> QuerySet[Subscriber]:
        if self.value() == "paused":
            return readers.exclude(paused_until=None)
        if self.value() == "suppressed":
            return readers.exclude(suppressed_at=None)
        return readers


def _suppress(reader: Subscriber, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    suppression.suppress(reader.address, SuppressionReason.STAFF, now=now)
    return _("Reader %(number)d is suppressed: no mail goes to this address any more.") % {
        "number": reader.pk
    }


def _send_preferences_link(
    reader: Subscriber, _staff: User, _answers: dict[str, Any], now: datetime
) -> str:
    with transaction.atomic():
        locked = Subscriber.objects.select_for_update().get(pk=reader.pk)
        letter = letters.write(
            locked, LetterKind.PREFERENCES, now=now, requested_by=RequestedBy.STAFF
        )
    if letter.state == LetterState.WITHHELD:
        raise StepRefused(_("No letter was sent: %(reason)s.") % {"reason": letter.error})
    return _("A letter with a preferences link goes to reader %(number)d.") % {"number": reader.pk}


def _lift_bounces(reader: Subscriber, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    if not suppression.lift_bounces(reader.address, now=now):
        raise StepRefused(_("There is no bounce to lift any more."))
    return _("The bounces of reader %(number)d are lifted.") % {"number": reader.pk}


STEPS = (
    Step(
        name="send-preferences-link",
        label=gettext_lazy("Send preferences link"),
        question=gettext_lazy(
            "Send this reader a letter with a link to their preferences? Only they can change them."
        ),
        permission="subscriptions.add_letter",
        open_to=lambda reader: (
            reader.state == SubscriberState.ACTIVE and reader.suppressed_at is None
        ),
        run=_send_preferences_link,
    ),
    Step(
        name="suppress",
        label=gettext_lazy("Suppress"),
        question=gettext_lazy(
            "Never write to this address again? It stops mail that is planned already, holds if "
            "they sign up again, "
            "and cannot be undone here. A reader who wants to leave can do so by the link in every "
            "mail."
        ),
        permission="subscriptions.add_suppression",
        open_to=lambda reader: (
            reader.suppressed_at is None and reader.state != SubscriberState.ERASED
        ),
        run=_suppress,
        grave=True,
    ),
    Step(
        name="lift-bounces",
        label=gettext_lazy("Lift bounces"),
        question=gettext_lazy(
            "Mail to this address bounced. Write to it again, because its owner has told you that "
            "it works? A complaint is lifted only by the owner, who signs up again and confirms."
        ),
        permission="subscriptions.add_suppression",
        open_to=lambda reader: (
            reader.suppressed_at is not None
            and bool(suppression.reasons_of(reader.address) & suppression.BOUNCED)
        ),
        run=_lift_bounces,
    ),
)


@admin.register(Subscriber)
class ReaderAdmin(LargeTable, StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/reader.html"
    steps = STEPS
    list_display = (
        "__str__",
        "masked_address",
        "state",
        "cadence",
        "hour",
        "timezone",
        PAUSED,
        SUPPRESSED,
        SIGNED_UP,
    )
    list_filter = ("state", FactFilter, "cadence")
    search_fields = ("pk",)
    search_help_text = gettext_lazy("The whole address, or the reader's number")

    @admin.display(description=gettext_lazy("address"))
    def masked_address(self, reader: Subscriber) -> str:
        return masked(reader.address)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscriber], search_term: str
    ) -> tuple[QuerySet[Subscriber], bool]:
        """Find by the exact address, in whatever spelling, also one the reader has moved from,
        or by number. A part finds nobody.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        if (number := row_number(term)) is not None:
            return queryset.filter(pk=number), False
        try:
            key = fold(term)
        except (BadAddress, ValidationError):
            return queryset.none(), False
        moved = AddressChange.objects.filter(former_key=key).values_list("subscriber", flat=True)
        # As values: an OR over a subquery makes PostgreSQL read all readers.
        return queryset.filter(Q(address_key=key) | Q(pk__in=list(moved))), False

    def page_context(self, request: HttpRequest, obj: Subscriber) -> dict[str, Any]:
        """Return the reader's facts, choices and the trail of consents, letters and deliveries,
        as far as the person may see each.
        """
        may = request.user.has_perm
        deliveries = (
            Delivery.objects.filter(subscriber=obj)
            .select_related("edition")
            .defer("edition__statistics")
            .order_by("-pk")
        )
        return {
            "steps": self.open_steps(request, obj),
            "when": when(obj),
            "suppressions": suppression.history_of(obj.address)
            if obj.address and may("subscriptions.view_suppression")
            else (),
            "events": ProviderEvent.objects.filter(delivery__subscriber=obj)
            .select_related("delivery__edition")
            .defer("delivery__edition__statistics", "raw")
            .order_by("-pk")[:SHOWN]
            if may("newsletter.view_providerevent")
            else (),
            "wishes": wishes(obj.profile),
            "consents": obj.consents.order_by("-at", "-pk")
            if may("subscriptions.view_consent")
            else (),
            "letters": obj.letters.order_by("-pk")[:SHOWN]
            if may("subscriptions.view_letter")
            else (),
            "deliveries": deliveries[:SHOWN] if may("newsletter.view_delivery") else (),
            "shown": SHOWN,
        }
