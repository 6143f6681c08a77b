"""Consent and Suppression: what readers agreed to, and whom we may not write."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from subscriptions.models.subscriber import Subscriber


class ConsentKind(models.TextChoices):
    REQUESTED = "requested", _("asked to be mailed")
    CONFIRMED = "confirmed", _("confirmed")
    CHANGED = "changed", _("changed preferences")
    MOVED = "moved", _("moved to another address")
    PAUSED = "paused", _("paused")
    LEFT = "left", _("left")
    RETURNED = "returned", _("came back")


class Consent(models.Model):
    """One thing a reader agreed to or took back: append-only, the proof that the law asks for."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="consents", verbose_name=_("reader")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=ConsentKind)
    at = models.DateTimeField(_("at"))
    evidence = models.CharField(
        _("evidence"),
        max_length=200,
        blank=True,
        help_text=_("By which way it was given, such as confirmation link."),
    )

    class Meta:
        ordering = ("at", "pk")
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=ConsentKind.values), name="consent_kind_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M}"


class SuppressionReason(models.TextChoices):
    HARD_BOUNCE = "hard_bounce", _("the address does not exist")
    SOFT_BOUNCES = "soft_bounces", _("mail to the address bounced again and again")
    COMPLAINT = "complaint", _("the reader reported our mail as spam")
    STAFF = "staff", _("staff decided")
    ERASED = "erased", _("the reader asked to be forgotten")


class Suppression(models.Model):
    """One reason why we may not write to an address, as a keyed hash so that it outlives the
    erasure of its reader. Once it is lifted it holds no more, and what was reported before then
    does not bring it back. `key_name` tells under which key the address was hashed.
    """

    address_hash = models.CharField(max_length=64, editable=False)
    reason = models.CharField(_("reason"), max_length=16, choices=SuppressionReason)
    at = models.DateTimeField(_("at"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    key_name = models.CharField(max_length=8, blank=True, editable=False)

    class Meta:
        ordering = ("-at",)
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reason__in=SuppressionReason.values),
                name="suppression_reason_known",
            ),
            models.UniqueConstraint(
                fields=["address_hash", "reason"], name="suppression_once_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} at {self.at:%Y-%m-%d %H:%M}"


class SuppressionKey(models.Model):
    """The one key under which suppressed addresses are hashed, unless SUPPRESSION_KEY is set
    (`subscriptions.suppression`).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    key = models.CharField(max_length=128, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="suppression_key_is_one"),
        ]

    def __str__(self) -> str:
        return "suppression key"
