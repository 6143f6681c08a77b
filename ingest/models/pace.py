"""HostPace: when a host may be asked again, by any worker."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class HostPace(models.Model):
    """The turn at one host, or at one group of hosts that count as one. A row, so that all workers
    share it and a restart keeps it.

    `next_at` is set ahead while somebody asks, and to the end of the pause when they have finished.
    `cool_down_until` is what the host told us, or our own answer to being throttled. Only
    ingest.http.spacing writes it.
    """

    host = models.CharField(_("host"), max_length=253, unique=True)
    next_at = models.DateTimeField(_("next request"))
    cool_down_until = models.DateTimeField(_("cooling down until"), null=True, blank=True)

    class Meta:
        ordering = ("host",)
        verbose_name = _("pace of a host")
        verbose_name_plural = _("paces of hosts")

    def __str__(self) -> str:
        return self.host
