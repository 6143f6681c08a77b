"""Letters, suppressions and what the provider said: rows of the machine, to look things up in."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from newsletter.desk.base import LargeTable, ReadOnlyAdmin
from newsletter.desk.columns import instant
from newsletter.desk.steps import Step, StepRefused, StepsAdmin
from newsletter.models import ProviderEvent
from subscriptions import letters
from subscriptions.addresses import BadAddress
from subscriptions.models import Letter, LetterState, Suppression
from subscriptions.suppression import address_hashes

CREATED = instant("created_at", _("created"))
SEND_AFTER = instant("send_after", _("send after"))
SENT = instant("sent_at", _("sent"))
AT = instant("at", _("at"))
LIFTED = instant("lifted_at", _("lifted"))
SAID = instant("said_at", _("said at"))
RECEIVED = instant("received_at", _("received"))
HANDLED = instant("handled_at", _("handled"))


def reader_link(number: int | None) -> str | None:
    """Return a link to a reader's page, by number: no list shows an address. None for nobody."""
    if number is None:
        return None
    return format_html(
        '<a class="desk-link" href="{}">{}</a>',
        reverse("admin:subscriptions_subscriber_change", args=[number]),
        number,
    )


def _send_again(letter: Letter, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    try:
        letters.send_again(letter.pk, now=now)
    except letters.NotSentAgain as refusal:
        raise StepRefused(
            gettext("It is not sent again: %(reason)s.") % {"reason": refusal}
        ) from refusal
    return gettext("It is sent again.")


def _it_arrived(letter: Letter, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    if not letters.settle_as_arrived(letter.pk, now=now):
        raise StepRefused(gettext("Somebody settled it meanwhile."))
    return gettext("Settled as sent: it arrived.")


MAY_SETTLE = "subscriptions.change_letter"
STEPS = (
    Step(
        name="arrived",
        label=_("It arrived"),
        question=_(
            "Does the provider's own list show that this mail was accepted? Then it counts as sent."
        ),
        permission=MAY_SETTLE,
        open_to=lambda letter: letter.state == LetterState.UNCERTAIN,
        run=_it_arrived,
    ),
    Step(
        name="send-again",
        label=_("Send again"),
        question=_(
            "Send this mail now, with links that are good from now on? If it is uncertain, its "
            "reader may get it twice. If it was withheld because of a limit, somebody may have "
            "asked for it many times to annoy them."
        ),
        permission=MAY_SETTLE,
        open_to=lambda letter: (
            letter.state in letters.ENDED_WITHOUT_SUCCESS and letter.subscriber_id is not None
        ),
        run=_send_again,
    ),
)


@admin.register(Letter)
class LetterAdmin(LargeTable, StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/letter.html"
    steps = STEPS
    list_display = ("__str__", "reader", "state", "attempts", CREATED, SEND_AFTER, SENT, "error")
    list_filter = ("state", "kind", "requested_by")

    @admin.display(description=_("reader"), ordering="subscriber")
    def reader(self, letter: Letter) -> str | None:
        return reader_link(letter.subscriber_id)

    def page_context(self, request: HttpRequest, obj: Letter) -> dict[str, Any]:
        """Return the steps that this person may take."""
        return {"steps": self.open_steps(request, obj)}


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Only keyed hashes are kept, so an address is looked up by hashing it again."""

    list_display = ("__str__", "reason", AT, LIFTED)
    list_filter = ("reason", "at", ("lifted_at", admin.EmptyFieldListFilter))
    fields = ("reason", ("at", "lifted_at"))
    search_fields = ("pk",)
    search_help_text = _("The whole address")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        """Find the suppression of an exact address."""
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(address_hash__in=address_hashes(search_term)), False
        except (BadAddress, ValidationError):
            return queryset.none(), False


@admin.register(ProviderEvent)
class ProviderEventAdmin(LargeTable, ReadOnlyAdmin):
    list_display = ("__str__", "delivery_link", "provider", "kind", SAID, RECEIVED, HANDLED)
    list_filter = ("kind", "provider", ("handled_at", admin.EmptyFieldListFilter))
    fields = (
        ("provider", "kind"),
        "reason",
        ("delivery_link", "domain"),
        ("said_at", "received_at", "handled_at", "failures"),
        "raw",
    )
    readonly_fields = ("delivery_link",)

    @admin.display(description=_("delivery"), ordering="delivery")
    def delivery_link(self, event: ProviderEvent) -> Any:
        if event.delivery_id is None:
            return None
        return format_html(
            '<a class="desk-link" href="{}">{}</a>',
            reverse("admin:newsletter_delivery_change", args=[event.delivery_id]),
            event.delivery_id,
        )
