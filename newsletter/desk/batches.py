"""Batches: how far a run is."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsletter.desk.base import ReadOnlyAdmin
from newsletter.desk.columns import instant
from newsletter.models import Batch

SLOT = instant("slot_at", _("wanted at"))
SEND_AFTER = instant("send_after", _("send after"))
LEASE = instant("lease_until", _("lease until"))
FINISHED = instant("finished_at", _("finished"))


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
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
    )
    list_filter = ("state", "halted")
    fields = (
        "edition",
        ("state", "halted", "at_once"),
        ("slot_at", "send_after"),
        ("planned_count", "cursor", "provider"),
        ("claimed_at", "lease_until", "finished_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        batches: QuerySet[Batch] = super().get_queryset(request)
        return batches.select_related("edition").defer("edition__statistics", "subscriber_ids")
