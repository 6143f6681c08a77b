"""ProviderEvent, Click and Feedback: what was heard after a digest was handed over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models import Paper
from newsletter.models.delivery import Delivery
from subscriptions.models import Subscriber


class EventKind(models.TextChoices):
    """What an event says, in one vocabulary for all providers (`newsletter.events.vocabulary`)."""

    ACCEPTED = "accepted", _("accepted by the provider")
    DELIVERED = "delivered", _("delivered")
    DEFERRED = "deferred", _("delayed")
    SOFT_BOUNCE = "soft_bounce", _("bounced for now")
    HARD_BOUNCE = "hard_bounce", _("bounced for good")
    BLOCKED = "blocked", _("blocked by policy")
    REFUSED = "refused", _("refused by the provider")
    COMPLAINED = "complained", _("reported as spam")
    NOT_SPAM = "not_spam", _("reported as not spam")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    SUBSCRIBED = "subscribed", _("subscribed at the provider")
    OPENED = "opened", _("opened")
    CLICKED = "clicked", _("clicked")
    UNKNOWN = "unknown", _("unknown")


class ProviderEvent(models.Model):
    """Something that a provider reported about a mail, stored before it is applied.

    The fingerprint makes a repeated event one row. `delivery` is the digest that it is about, if we
    know that. `recipient` is the address, which is emptied when the event has been applied;
    `address_hash` (a keyed hash) and `domain` stay. `raw` is the provider's own words without
    addresses, bounded in size; it is emptied after `RAW_EVENT_DAYS`.

    An event is applied when `due_at` has come, and `handled_at` says when that was. One that cannot
    be applied gets a later `due_at`, and `failures` counts.
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
    kind = models.CharField(_("kind"), max_length=16, choices=EventKind)
    said_at = models.DateTimeField(_("said at"))
    received_at = models.DateTimeField(_("received"))
    due_at = models.DateTimeField(editable=False)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures"), default=0)
    recipient = models.CharField(max_length=320, blank=True, editable=False)
    address_hash = models.CharField(max_length=64, blank=True, editable=False)
    domain = models.CharField(_("domain of the recipient"), max_length=253, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    raw = models.TextField(_("raw event"), blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=EventKind.values), name="provider_event_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(handled_at=None) | models.Q(recipient=""),
                name="provider_event_forgets_address",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=models.Q(handled_at=None),
                name="provider_event_unhandled",
            ),
            models.Index(fields=["address_hash"], name="provider_event_by_address"),
            models.Index(fields=["received_at"], name="provider_event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.provider})"


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
