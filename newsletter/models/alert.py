"""Alert: something of an edition that failed and needs a person, and whether staff were told."""

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from newsletter.models.batch import FAILURES_SHOWN, Batch
from newsletter.models.edition import BEFORE_FROZEN, FINISHED, Edition, EditionState


class AlertKind(models.TextChoices):
    HELD = "held", _("held")
    PAUSED = "paused", _("sending is paused")
    COLLECTING = "collecting", _("papers cannot be collected")
    PLANNING = "planning", _("cannot be planned")
    BATCHES = "batches", _("batches cannot be sent")
    BOOKS = "books", _("books do not balance")
    BLOCKED = "blocked", _("blocked by a receiver's policy")


TRIED_AGAIN = (AlertKind.COLLECTING, AlertKind.PLANNING)
"""Tried again every minute: staff are told after `FAILURES_SHOWN` failures in a row."""
NO_OBSTACLE = (AlertKind.BLOCKED,)
"""The edition goes on: staff are mailed once, and mend the cause outside."""
STOPPED = (AlertKind.HELD, AlertKind.PAUSED)
"""The machine has stopped, and a person lets it go on, who needs no mail that it is over."""


class AlertQuerySet(models.QuerySet["Alert"]):
    def note(self, edition_id: int, kind: AlertKind, reason: str) -> bool:
        """Count one more failure in a row; return whether it is news, because all was well before
        or the reason is another one.
        """
        reason = reason[:300]
        with transaction.atomic():
            alert, made = self.select_for_update().get_or_create(
                edition_id=edition_id, kind=kind, defaults={"reason": reason}
            )
            if made:
                return True
            changes: dict[str, object] = {"failures": alert.failures + 1, "reason": reason}
            if not alert.failures:
                changes["told_at"] = None
            self.filter(pk=alert.pk).update(**changes)
        return not alert.failures or alert.reason != reason

    def end(self, edition_id: int, kind: AlertKind) -> None:
        """Note that it works again, or that a person has let the edition go on."""
        self.filter(edition=edition_id, kind=kind, failures__gt=0).update(failures=0)

    def standing(self) -> "AlertQuerySet":
        """Alerts that are not over: the edition is still in the state in which it failed."""
        return self.filter(
            models.Q(kind=AlertKind.HELD, edition__state=EditionState.HELD)
            | models.Q(kind=AlertKind.PAUSED, edition__paused_at__isnull=False)
            & ~models.Q(edition__state__in=FINISHED)
            | models.Q(
                kind=AlertKind.COLLECTING, edition__state__in=[*BEFORE_FROZEN, EditionState.HELD]
            )
            | models.Q(kind=AlertKind.PLANNING, edition__state=EditionState.FROZEN)
            | models.Q(kind=AlertKind.BATCHES)
            & models.Q(
                models.Exists(Batch.objects.failing().filter(edition=models.OuterRef("edition")))
            )
            | models.Q(kind=AlertKind.BOOKS, edition__state=EditionState.SENDING)
            | models.Q(kind__in=NO_OBSTACLE),
            failures__gt=0,
        )

    def shown(self) -> "AlertQuerySet":
        """Standing alerts that need a person."""
        return self.standing().filter(
            ~models.Q(kind__in=TRIED_AGAIN) | models.Q(failures__gte=FAILURES_SHOWN)
        )


class Alert(models.Model):
    """Something of an edition that failed, `failures` times in a row; 0 when it works again.

    Each kind has one row for an edition at most. Staff are mailed once (`told_at`), and once more
    when it is over; then the row is deleted (newsletter.desk.notices).
    """

    edition = models.ForeignKey(
        Edition, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("edition")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=AlertKind)
    reason = models.CharField(_("reason"), max_length=300)
    failures = models.PositiveIntegerField(_("failures in a row"), default=1)
    told_at = models.DateTimeField(_("staff told"), null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.UniqueConstraint(fields=["edition", "kind"], name="alert_once_a_kind"),
            models.CheckConstraint(
                condition=models.Q(kind__in=AlertKind.values), name="alert_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.edition}: {self.get_kind_display()}"
