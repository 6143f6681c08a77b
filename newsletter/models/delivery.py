"""Delivery: one edition to one subscriber; and the mailed history that outlives it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from newsletter.models.batch import Batch
from newsletter.models.edition import Edition
from newsletter.models.integers import IntegersField
from subscriptions.models import Profile, Subscriber


class DeliveryStatus(models.TextChoices):
    """What we did. claimed → sent, failed, deferred or uncertain; or at once skipped or
    suppressed; cancelled; late.
    """

    CLAIMED = "claimed", _("claimed")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    DEFERRED = "deferred", _("deferred")
    UNCERTAIN = "uncertain", _("uncertain")
    SKIPPED = "skipped", _("skipped")
    SUPPRESSED = "suppressed", _("suppressed")
    CANCELLED = "cancelled", _("cancelled")
    LATE = "late", _("late")


NOT_CHOSEN, NOT_PRINTED = "could not be chosen", "could not be printed"
"""How the reason of a failed delivery begins where the fault is ours or the profile's, and no
provider has seen the mail.
"""


class Outcome(models.TextChoices):
    """What the provider says happened later: the strongest of its events, in this order from the
    weakest to the strongest (`newsletter.events.applying`).
    """

    UNKNOWN = "", _("not heard yet")
    DEFERRED = "deferred", _("delayed")
    DELIVERED = "delivered", _("delivered")
    REFUSED = "refused", _("refused by the provider")
    SOFT_BOUNCE = "soft_bounce", _("bounced for now")
    BLOCKED = "blocked", _("blocked by policy")
    HARD_BOUNCE = "hard_bounce", _("bounced for good")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    COMPLAINED = "complained", _("complained")


class Delivery(models.Model):
    """One edition to one subscriber, unique: the row that makes sure that nobody gets an edition
    twice.

    `papers` are paper ids in mailed order and `parts` the score parts of each, in thousandths, as
    [topic, taste, trend, freshness, editor]; `profile` is the version that was ranked. `position`
    is its place in the batch. `attempts` counts the hand-overs that a provider refused for the
    moment.

    No index names the status, and the unique constraint and the batch index serve the foreign keys:
    on PostgreSQL settling a delivery then rewrites no index. The index by profile leaves out the
    old deliveries, which have forgotten theirs (newsletter.retention).

    The database does not check the four foreign keys, which took it a third of the time of a claim:
    whoever inserts deliveries has just locked the rows they name (newsletter.sending: claim,
    sweep), the batch and the reader, who holds the profile; the batch holds the edition. So none of
    them can go before the delivery is there, and afterwards Django's PROTECT forbids it. Nothing
    deletes editions; a batch of a finished edition is deleted after its deliveries. Of readers only
    those who never confirmed are deleted, who are in no batch, and only under a lock of theirs
    (newsletter.retention); erasing a reader keeps the row.
    """

    edition = models.ForeignKey(
        Edition,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("edition"),
        db_index=False,
        db_constraint=False,
    )
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("reader"),
        db_constraint=False,
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("batch"),
        db_index=False,
        db_constraint=False,
    )
    position = models.PositiveIntegerField(_("position"), default=0)
    status = models.CharField(_("status"), max_length=16, choices=DeliveryStatus)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    profile = models.ForeignKey(
        Profile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("profile"),
        db_index=False,
        db_constraint=False,
    )
    papers = IntegersField(_("papers"), default=list, of="bigint")
    parts = IntegersField(_("score parts"), default=list, of="smallint")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(_("claimed"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=16, choices=Outcome, default=Outcome.UNKNOWN, blank=True
    )
    outcome_at = models.DateTimeField(_("outcome at"), null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["edition", "subscriber"], name="delivery_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=DeliveryStatus.values), name="delivery_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values), name="delivery_outcome_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["failed", "skipped", "suppressed", "uncertain"])
                | ~models.Q(reason=""),
                name="delivery_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "position"], name="delivery_by_batch"),
            models.Index(
                fields=["profile"],
                condition=models.Q(profile__isnull=False),
                name="delivery_by_profile",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.edition} to reader {self.subscriber_id}"


class MailedHistory(models.Model):
    """Which papers a reader was mailed, as a compact set that outlives the deliveries.

    The set is cut into buckets of `BUCKET` consecutive paper ids; `offsets` are the ids' offsets in
    the bucket as 16-bit little-endian integers in the order they were mailed, which
    newsletter.sending.history reads and writes. Papers of one time share a bucket, so reading and
    writing touch a row or two however long a reader stays.

    The database does not check the reader: a history is written at the end of a batch, for readers
    who have a delivery in it.
    """

    BUCKET = 4096

    pk = models.CompositePrimaryKey("subscriber_id", "bucket")
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="mailed_history",
        db_index=False,
        db_constraint=False,
    )
    bucket = models.PositiveIntegerField()
    offsets = models.BinaryField(default=b"")

    class Meta:
        verbose_name = _("mailed history")
        verbose_name_plural = _("mailed histories")

    def __str__(self) -> str:
        return f"papers mailed to reader {self.subscriber_id}"
