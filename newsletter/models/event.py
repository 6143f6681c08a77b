"""ProviderEvent, Click and Feedback: what was heard after a digest was handed over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models import Paper
from newsletter.models.delivery import Delivery
from subscriptions.models import Subscriber


class ProviderEvent(models.Model):
    """What the provider said about a delivery, with its raw words; not read yet. The fingerprint
    makes a repeated event one row.
    """

    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("delivery"),
    )
    provider = models.CharField(_("provider"), max_length=40)
    kind = models.CharField(_("kind"), max_length=40)
    said_at = models.DateTimeField(_("said at"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"))
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    raw = models.JSONField(_("raw event"), default=dict)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(handled_at=None), name="provider_event_unhandled"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.provider}"


class Click(models.Model):
    """A link that was followed: a measurement, append-only.

    `counted` says whether a person is likely to have done it; null until that was judged
    (newsletter.tracking.clicks). Neither the network address nor the program that asked is kept.
    """

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="clicks", verbose_name=_("delivery")
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="+", verbose_name=_("paper")
    )
    at = models.DateTimeField(_("at"))
    counted = models.BooleanField(_("counted"), null=True, default=None)

    class Meta:
        ordering = ("at", "pk")
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            models.Index(fields=["at"], condition=models.Q(counted=None), name="click_unjudged")
        ]

    def __str__(self) -> str:
        return f"click on {self.paper}"


class FeedbackKind(models.TextChoices):
    MORE = "more", _("more like this")
    FEWER = "fewer", _("fewer like this")


class Feedback(models.Model):
    """A reader's word on a paper they were mailed; the latest word on a paper counts."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="feedback", verbose_name=_("reader")
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="feedback", verbose_name=_("paper")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=FeedbackKind)
    at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ("at", "pk")
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=FeedbackKind.values), name="feedback_kind_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.paper}"
