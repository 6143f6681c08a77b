"""Machine: one that may send mail from this database, or that asked to."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Machine(models.Model):
    """A machine's half in the database. The other half is a file in the machine's own folder
    (`subscriptions.arming`).

    `renewals` rises every minute, here and in the file: a database restored from a backup holds a
    smaller number than the file. Without `armed_at` a person has yet to say that this machine may
    send.
    """

    identity = models.CharField(max_length=32, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    renewals = models.PositiveBigIntegerField(default=0, editable=False)
    renewed_at = models.DateTimeField(_("last seen"))
    armed_at = models.DateTimeField(_("armed"), null=True, blank=True)

    class Meta:
        ordering = ("name", "pk")
        verbose_name = _("machine")
        verbose_name_plural = _("machines")

    def __str__(self) -> str:
        return self.name
