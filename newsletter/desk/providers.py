"""Providers: weights, ceilings and warm-up plans, and how each of them is doing."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsletter.desk.base import DeskAdmin
from newsletter.models import Provider
from newsletter.sending.providers import limits_of, warm_up_ceiling
from newsletter.sending.rate import Budget


@admin.register(Provider)
class ProviderAdmin(DeskAdmin):
    list_display = ("name", "weight", "today", "in_this_hour", "rests", "rests_because")
    readonly_fields = (
        "name",
        "today",
        "in_this_hour",
        "pace",
        "rests",
        "rests_because",
        "failures",
    )
    fieldsets = (
        (None, {"fields": ("name", "weight")}),
        (
            gettext_lazy("Limits"),
            {
                "fields": ("per_second", "per_hour", "per_day"),
                "description": gettext_lazy("Empty: as the settings say. Zero: no limit."),
            },
        ),
        (
            gettext_lazy("Warm-up"),
            {
                "fields": ("warm_up_from", "warm_up_first", "warm_up_growth"),
                "description": gettext_lazy(
                    "A sender that is new to mailbox providers begins small. Each day may bring so "
                    "many times the mails of the day before."
                ),
            },
        ),
        (
            gettext_lazy("Now"),
            {"fields": ("today", "in_this_hour", "pace", "rests", "rests_because", "failures")},
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The scheduler makes the rows from MAIL_PROVIDER: any other name could send nothing."""
        return False

    @admin.display(description=gettext_lazy("in 24 hours"))
    def today(self, row: Provider) -> str:
        now = timezone.now()
        limits = limits_of(row.name, now)
        said = _of(Budget(row.name, limits).report(now).day_used, limits.per_day)
        return (
            said
            if warm_up_ceiling(row, now) is None
            else _("%(used)s (warming up)") % {"used": said}
        )

    @admin.display(description=gettext_lazy("in an hour"))
    def in_this_hour(self, row: Provider) -> str:
        now = timezone.now()
        limits = limits_of(row.name, now)
        return _of(Budget(row.name, limits).report(now).hour_used, limits.per_hour)

    @admin.display(description=gettext_lazy("pace"))
    def pace(self, row: Provider) -> str:
        now = timezone.now()
        report = Budget(row.name, limits_of(row.name, now)).report(now)
        if report.paused_until is not None:
            return _("paused until %(instant)s, as it asked") % {
                "instant": f"{report.paused_until:%H:%M:%S} UTC"
            }
        return (
            _("no limit")
            if report.rate == float("inf")
            else _("%(rate).1f mails a second") % {"rate": report.rate}
        )

    @admin.display(description=gettext_lazy("rests until"), ordering="rests_until")
    def rests(self, row: Provider) -> str:
        return f"{row.rests_until:%Y-%m-%d %H:%M}" if row.rests_until else "–"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).order_by("name")


def _of(used: int, most: int) -> str:
    """Say how much of a quota is spent; what is not limited is not counted."""
    return (
        _("%(used)s of %(most)s") % {"used": f"{used:,}", "most": f"{most:,}"}
        if most
        else _("no limit")
    )
