"""Batch: a few hundred readers of an edition due at the same time; the unit that is scanned, claimed and handed to a task."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from newsletter.models.edition import Edition


class BatchState(models.TextChoices):
    """planned → claimed (lease, token, cursor) → done; cancelled; late."""

    PLANNED = "planned", _("planned")
    CLAIMED = "claimed", _("claimed")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    LATE = "late", _("late")


class Batch(models.Model):
    """Readers of an edition due at the same time.

    `subscriber_ids` are the readers planned here for the first time; a batch that takes up deferred deliveries has none, its
    deliveries point to it. `cursor` is the fence: the number of hand-overs begun. It is advanced, under `token` and an unexpired
    lease, before each hand-over; the delivery at position `cursor - 1` is the one whose fate a crash leaves unknown.
    `server_epoch` names the database server's run, since its restart may have lost marks.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="batches", verbose_name=_("edition"))
    send_after = models.DateTimeField(_("send after"))
    number = models.PositiveIntegerField(_("number"), help_text=_("Counts the batches of an edition."))
    state = models.CharField(_("state"), max_length=16, choices=BatchState, default=BatchState.PLANNED)
    subscriber_ids = models.JSONField(default=list, editable=False)
    planned_count = models.PositiveIntegerField(_("readers"), default=0)
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    cursor = models.PositiveIntegerField(_("hand-overs begun"), default=0)
    server_epoch = models.CharField(max_length=64, blank=True, editable=False)
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ("edition", "send_after", "number")
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.UniqueConstraint(fields=["edition", "number"], name="batch_number_once"),
            models.CheckConstraint(condition=models.Q(state__in=BatchState.values), name="batch_state_known"),
            models.CheckConstraint(
                condition=~models.Q(state=BatchState.CLAIMED) | models.Q(token__isnull=False, lease_until__isnull=False),
                name="batch_claimed_has_lease",
            ),
        ]
        indexes = [
            models.Index(fields=["send_after"], condition=models.Q(state="planned"), name="batch_planned_by_time"),
            models.Index(fields=["lease_until"], condition=models.Q(state="claimed"), name="batch_claimed_by_lease"),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of {self.edition}"
