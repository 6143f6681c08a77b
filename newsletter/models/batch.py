"""Batch: a few hundred readers of an edition due at the same time; the unit that is scanned,
claimed and handed to a task.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from newsletter.models.edition import Edition


class BatchState(models.TextChoices):
    """planned → choosing (lease, token) → claimed (cursor) → done; choosing → planned again;
    cancelled; late.
    """

    PLANNED = "planned", _("planned")
    CHOOSING = "choosing", _("digests are being chosen")
    CLAIMED = "claimed", _("claimed")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    LATE = "late", _("late")


LEASED = (BatchState.CHOOSING, BatchState.CLAIMED)
"""A worker has the batch, until its lease ends."""
UNDER_WAY = (BatchState.PLANNED, *LEASED)
NOT_CHOSEN_YET = (BatchState.PLANNED, BatchState.CHOOSING)
"""The batch's readers have no deliveries yet, or deferred ones."""

FAILURES_SHOWN = 3
"""Failures in a row after which a person is asked."""
OUT_OF_TIME = "its digests could not be chosen in time"
"""The `failure_reason` of a batch whose worker stopped, or took too long, while it chose."""
SPLIT_AFTER = 2
"""Failures in a row for want of time after which a batch is split, and a person is asked."""


class BatchQuerySet(models.QuerySet["Batch"]):
    def failing(self) -> "BatchQuerySet":
        """Batches that failed so often in a row that a person is asked."""
        often = models.Q(failures__gte=FAILURES_SHOWN) | models.Q(
            failures__gte=SPLIT_AFTER, failure_reason=OUT_OF_TIME
        )
        # Two conditions, each of which matches the condition of an index.
        return self.filter(
            models.Q(state=BatchState.PLANNED) & often | models.Q(state__in=LEASED) & often
        )


class Batch(models.Model):
    """Readers of an edition due at the same time.

    `slot_at` is the instant the readers wanted, `send_after` the one before which the batch rests:
    later when it takes up deferred deliveries. `subscriber_ids` are the readers planned here for
    the first time. They stay in the list while their digests are chosen; then they become
    deliveries and the list is emptied, which keeps the row small while its cursor moves. A batch of
    deferred deliveries has none, its deliveries point to it. Readers whose addresses lie in a
    domain with a rate of its own share batches of that `domain`. `planned_count` counts the readers
    whose books begin here.

    `cursor` is the fence: the number of hand-overs begun. It is advanced, under `token` and an
    unexpired lease, before each hand-over; the last `in_hand` deliveries before it are those whose
    fate a crash leaves unknown. `halted` makes the fence refuse, so that a pause, a cancellation or
    a strike stops a run within one hand-over. `server_epoch` names the database server's run, since
    a crash of the server may lose marks.

    `counts` says how many of its deliveries have each status, once the batch is over
    (newsletter.sending.counting).

    `failures` counts how often in a row an exception kept the batch from being claimed, sent,
    settled or written off, and `failure_reason` says what the last one was
    (newsletter.sending.failing).
    """

    edition = models.ForeignKey(
        Edition, on_delete=models.PROTECT, related_name="batches", verbose_name=_("edition")
    )
    slot_at = models.DateTimeField(_("wanted at"))
    send_after = models.DateTimeField(_("send after"))
    at_once = models.BooleanField(
        _("at once"),
        default=False,
        help_text=_("A first digest, which does not wait for the reader's hour or weekday."),
    )
    state = models.CharField(
        _("state"), max_length=16, choices=BatchState, default=BatchState.PLANNED
    )
    subscriber_ids = models.JSONField(default=list, editable=False)
    planned_count = models.PositiveIntegerField(_("readers"), default=0)
    domain = models.CharField(_("recipients' domain"), max_length=255, blank=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40, blank=True)
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    cursor = models.PositiveIntegerField(_("hand-overs begun"), default=0)
    in_hand = models.PositiveSmallIntegerField(default=0, editable=False)
    halted = models.BooleanField(_("halted"), default=False)
    server_epoch = models.CharField(max_length=64, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    failure_reason = models.CharField(_("failed because"), max_length=300, blank=True)
    counts = models.JSONField(null=True, editable=False)
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ("edition", "send_after", "pk")
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=BatchState.values), name="batch_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=LEASED)
                | models.Q(token__isnull=False, lease_until__isnull=False),
                name="batch_leased_has_lease",
            ),
            models.CheckConstraint(
                condition=models.Q(failures=0) | ~models.Q(failure_reason=""),
                name="batch_failed_has_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["send_after"],
                condition=models.Q(state="planned"),
                name="batch_planned_by_time",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=LEASED),
                name="batch_leased_by_lease",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(counts__isnull=True),
                name="batch_not_counted",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk} of {self.edition}"


class ServerRun(models.Model):
    """The run of the database server, as a random name that a crash of the server erases.

    On PostgreSQL the table is unlogged: crash recovery empties it, exactly when commits that were
    not yet on disk may be lost, while a clean restart keeps it. So a name that changed since a
    claim says that the claim's marks cannot be believed.
    """

    name = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="server_run_is_one")]

    def __str__(self) -> str:
        return self.name
