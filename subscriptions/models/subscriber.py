"""Subscriber: one reader, the state of their consent, and when they want their mail."""

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from subscriptions.models.profile import Profile


class Cadence(models.TextChoices):
    """How often a reader wants mail. Daily and weekdays readers get the daily edition, weekly
    readers an edition of their own.
    """

    DAILY = "daily", _("every day")
    WEEKDAYS = "weekdays", _("on weekdays")
    WEEKLY = "weekly", _("once a week")


class SubscriberState(models.TextChoices):
    PENDING = "pending", _("pending")
    ACTIVE = "active", _("active")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    ERASED = "erased", _("erased")


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def mailable(self, now: datetime) -> "SubscriberQuerySet":
        """Readers we may write to at `now`: confirmed, not left, not suppressed, not paused."""
        return self.filter(state=SubscriberState.ACTIVE, suppressed_at=None).filter(
            models.Q(paused_until=None) | models.Q(paused_until__lte=now)
        )

    def locked_if_active(self, subscriber_id: int) -> "Subscriber | None":
        """Return a reader with their profile, locked until the transaction ends; None when they
        are not active.
        """
        active = (
            self.select_for_update(of=("self",))
            .select_related("profile")
            .filter(state=SubscriberState.ACTIVE)
        )
        return active.filter(pk=subscriber_id).first()


class Subscriber(models.Model):
    """One reader.

    `address` is kept as given; `address_key` is its folded form and decides identity. Paused and
    suppressed are facts beside the state. An erased reader keeps the row, without address and
    choices, so that the books of past editions still balance.
    """

    address = models.CharField(_("address"), max_length=320, blank=True)
    address_key = models.CharField(max_length=320, unique=True, editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=SubscriberState, default=SubscriberState.PENDING
    )
    created_at = models.DateTimeField(_("signed up"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    suppressed_at = models.DateTimeField(_("suppressed"), null=True, blank=True)
    cadence = models.CharField(_("cadence"), max_length=16, choices=Cadence, default=Cadence.DAILY)
    hour = models.PositiveSmallIntegerField(
        _("hour"),
        default=8,
        validators=[MaxValueValidator(23)],
        help_text=_("Local hour of delivery."),
    )
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    language = models.CharField(_("language"), max_length=16, default="en")
    profile = models.ForeignKey(
        Profile, on_delete=models.PROTECT, related_name="subscribers", verbose_name=_("profile")
    )

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("reader")
        verbose_name_plural = _("readers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=SubscriberState.values), name="subscriber_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(cadence__in=Cadence.values), name="subscriber_cadence_known"
            ),
            models.CheckConstraint(condition=models.Q(hour__lte=23), name="subscriber_hour_of_day"),
            models.CheckConstraint(
                condition=~models.Q(state=SubscriberState.ACTIVE)
                | models.Q(confirmed_at__isnull=False),
                name="subscriber_active_confirmed",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=SubscriberState.UNSUBSCRIBED)
                | models.Q(left_at__isnull=False),
                name="subscriber_left_at_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=SubscriberState.ERASED) | models.Q(address=""),
                name="subscriber_erased_without_address",
            ),
        ]
        indexes = [
            models.Index(
                fields=["cadence", "id"],
                condition=models.Q(state="active"),
                name="subscriber_active_by_cadence",
            ),
            models.Index(
                fields=["state", "id"],
                condition=~models.Q(state="active"),
                name="subscriber_not_active",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(paused_until__isnull=False),
                name="subscriber_paused",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(suppressed_at__isnull=False),
                name="subscriber_suppressed",
            ),
        ]

    def __str__(self) -> str:
        return f"reader {self.pk}"


class SignUp(models.Model):
    """One request to be mailed, with the choices made on the page. Confirming it applies its
    choices; a later one replaces it.
    """

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="sign_ups", verbose_name=_("reader")
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.PROTECT, related_name="+", verbose_name=_("profile")
    )
    cadence = models.CharField(_("cadence"), max_length=16, choices=Cadence, default=Cadence.DAILY)
    hour = models.PositiveSmallIntegerField(
        _("hour"), default=8, validators=[MaxValueValidator(23)]
    )
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    language = models.CharField(_("language"), max_length=16, default="en")
    requested_at = models.DateTimeField(_("requested"))
    requested_from = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("Keyed hash of the network address, for the rate limit."),
    )
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    class Meta:
        ordering = ("-requested_at", "-pk")
        verbose_name = _("sign-up")
        verbose_name_plural = _("sign-ups")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cadence__in=Cadence.values), name="sign_up_cadence_known"
            ),
            models.CheckConstraint(condition=models.Q(hour__lte=23), name="sign_up_hour_of_day"),
        ]
        indexes = [
            models.Index(fields=["subscriber", "-requested_at"], name="sign_up_by_subscriber"),
        ]

    def __str__(self) -> str:
        return f"sign-up {self.pk}"
