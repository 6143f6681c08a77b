"""Batches: how far a run is."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from newsletter.desk.base import ReadOnlyAdmin
from newsletter.models import Batch


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "state", "slot_at", "send_after", "planned_count", "cursor", "halted", "lease_until", "finished_at")
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
