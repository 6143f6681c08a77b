"""ProviderRate and QuotaSlot: how fast a provider lets us go, and how much of its quotas is
spent. They outlive Redis and restarts.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderRate(models.Model):
    """The rate of one provider: one row for all workers. "provider/domain" is its rate towards one
    domain of recipients.

    `rate` (mails per second) is what the last throttling left of the ceiling, and `paused_until`
    when it may be tried again; from then on the rate grows back. No rate: never throttled. `tokens`
    at `drawn_at` are the bucket that stands in while Redis is away.
    """

    provider = models.CharField(_("provider"), max_length=300, unique=True)
    rate = models.FloatField(_("mails per second after throttling"), null=True, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    tokens = models.FloatField(default=0, editable=False)
    drawn_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("provider",)
        verbose_name = _("provider's rate")
        verbose_name_plural = _("providers' rates")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rate=None) | models.Q(rate__gt=0), name="provider_rate_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(rate=None) | models.Q(paused_until__isnull=False),
                name="provider_rate_grows_from_an_instant",
            ),
        ]

    def __str__(self) -> str:
        return self.provider


class QuotaWindow(models.TextChoices):
    HOUR = "hour", _("hour")
    DAY = "day", _("day")


class QuotaSlot(models.Model):
    """How many mails were reserved of a provider's quota in a short stretch of time; a window's
    use is the sum over its slots.
    """

    provider = models.CharField(_("provider"), max_length=40)
    window = models.CharField(_("window"), max_length=8, choices=QuotaWindow)
    starts_at = models.DateTimeField(_("starts"))
    reserved = models.PositiveIntegerField(_("reserved"), default=0)

    class Meta:
        ordering = ("provider", "window", "starts_at")
        verbose_name = _("quota slot")
        verbose_name_plural = _("quota slots")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "window", "starts_at"], name="quota_slot_once"
            ),
            models.CheckConstraint(
                condition=models.Q(window__in=QuotaWindow.values), name="quota_window_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {self.window} slot from {self.starts_at:%Y-%m-%d %H:%M}"
