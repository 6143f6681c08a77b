"""Machine: one that may send mail from this database, or that asked to."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Machine(models.Model):
    """A machine's word in the database. The other half is a file in the machine's own folder
    (`subscriptions.arming`).

    `token` changes every minute while mail goes out, here and in the file: a database restored from
    a backup holds one that the file has left behind. Without `armed_at` a person has yet to say
    that this machine may send.
    """

    identity = models.CharField(max_length=32, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    token = models.CharField(max_length=32, blank=True, editable=False)
    renewed_at = models.DateTimeField(_("last seen"))
    armed_at = models.DateTimeField(_("armed"), null=True, blank=True)

    class Meta:
        ordering = ("name", "pk")
        verbose_name = _("machine")
        verbose_name_plural = _("machines")

    def __str__(self) -> str:
        return self.name
