"""Letter: one mail about a reader's own subscription, such as a confirmation, as a row that survives any crash."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from subscriptions.models.subscriber import SignUp, Subscriber


class LetterKind(models.TextChoices):
    CONFIRM = "confirm", _("confirmation")
    SIGN_UP_AGAIN = "sign_up_again", _("signed up again")
    PREFERENCES = "preferences", _("preferences link")
    GOODBYE = "goodbye", _("goodbye")


class LetterState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    CLAIMED = "claimed", _("claimed")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    UNCERTAIN = "uncertain", _("uncertain")


class Letter(models.Model):
    """One transactional mail: the row is written with the change that asks for it, and a worker sends it afterwards."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="letters", verbose_name=_("reader"))
    sign_up = models.ForeignKey(SignUp, on_delete=models.CASCADE, null=True, blank=True, related_name="letters")
    kind = models.CharField(_("kind"), max_length=16, choices=LetterKind)
    state = models.CharField(_("state"), max_length=16, choices=LetterState, default=LetterState.WAITING)
    created_at = models.DateTimeField(_("created"))
    send_after = models.DateTimeField(_("send after"))
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=LetterState.values), name="letter_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=LetterKind.values), name="letter_kind_known"),
            models.CheckConstraint(
                condition=~models.Q(state=LetterState.CLAIMED) | models.Q(lease_until__isnull=False), name="letter_claimed_has_lease"
            ),
        ]
        indexes = [models.Index(fields=["send_after"], condition=models.Q(state__in=["waiting", "claimed"]), name="letter_open_by_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
