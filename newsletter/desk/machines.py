"""Machines: which of them may send, and which wait for `manage.py arm`."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsletter.desk.base import ReadOnlyAdmin
from newsletter.desk.columns import instant
from subscriptions.models import Machine

SEEN = instant("renewed_at", gettext_lazy("last seen"))
ARMED = instant("armed_at", gettext_lazy("armed"))


@admin.register(Machine)
class MachineAdmin(ReadOnlyAdmin):
    list_display = ("name", "sending", SEEN, ARMED)
    # The list says all there is about a machine.
    list_display_links = None

    @admin.display(description=gettext_lazy("sending"))
    def sending(self, row: Machine) -> str:
        if row.armed_at is None:
            return _("sends nothing until manage.py arm is run on it")
        return _("may send")
