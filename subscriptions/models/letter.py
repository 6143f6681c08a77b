"""Letter: one mail about a reader's own subscription, such as a confirmation, as a row that
survives any crash.
"""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from subscriptions.models.address_change import AddressChange
from subscriptions.models.subscriber import SignUp, Subscriber


class LetterKind(models.TextChoices):
    CONFIRM = "confirm", _("confirmation")
    SIGN_UP_AGAIN = "sign_up_again", _("signed up again")
    PREFERENCES = "preferences", _("preferences link")
    GOODBYE = "goodbye", _("goodbye")
    CHANGE_ADDRESS = "change_address", _("question to a new address")
    ADDRESS_CHANGED = "address_changed", _("notice to the former address")


class LetterState(models.TextChoices):
    """waiting → claimed → handing → sent, failed or uncertain; back to waiting to try later; or
    withheld, with a reason.

    A letter in `handing` is at the provider or was never given to it: only the worker that holds it
    knows. So a worker that dies before loses nothing, and one that dies there leaves an uncertain
    letter for staff.
    """

    WAITING = "waiting", _("waiting")
    CLAIMED = "claimed", _("claimed")
    HANDING = "handing", _("being handed over")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    UNCERTAIN = "uncertain", _("uncertain")
    WITHHELD = "withheld", _("withheld")


class RequestedBy(models.TextChoices):
    """Who can cause a letter: each has limits of their own."""

    ANYONE = "anyone", _("anyone, by an address typed into a form")
    READER = "reader", _("a reader, by a signed link")
    STAFF = "staff", _("staff")


OPEN_STATES = (LetterState.WAITING, LetterState.CLAIMED, LetterState.HANDING)


class LetterQuerySet(models.QuerySet["Letter"]):
    def claim(self, letter_id: int, *, now: datetime, lease: timedelta) -> bool:
        """Take one waiting letter that is due; of several workers that try, one gets True.

        This counts as an attempt, however it ends: also when the worker is killed.
        """
        due = self.filter(pk=letter_id, state=LetterState.WAITING, send_after__lte=now)
        claimed = due.update(
            state=LetterState.CLAIMED, lease_until=now + lease, attempts=models.F("attempts") + 1
        )
        return claimed == 1

    def tried_or_open(self) -> "LetterQuerySet":
        """Letters that a worker has tried to send, or will. Of those withheld at once there may be
        many, and the index by mailbox leaves them out.
        """
        return self.filter(models.Q(attempts__gt=0) | models.Q(state__in=OPEN_STATES))

    def begin_handing(self, letter_id: int, *, now: datetime, lease_until: datetime) -> bool:
        """Pass the fence before the hand-over; False when the claim was lost meanwhile, and then
        nothing may be sent.
        """
        mine = self.filter(
            pk=letter_id, state=LetterState.CLAIMED, lease_until=lease_until, lease_until__gt=now
        )
        return mine.update(state=LetterState.HANDING) == 1


class Letter(models.Model):
    """One transactional mail: the row is written with the change that asks for it, and a worker
    sends it afterwards.

    A letter without a subscriber was asked for an address nobody reads under. It is written and
    withheld like any other, so that neither the answer nor its time tells whether an address is
    known. One about a change of address goes to the new or the former address of that change, every
    other to the reader's own.
    """

    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="letters",
        verbose_name=_("reader"),
    )
    sign_up = models.ForeignKey(
        SignUp, on_delete=models.CASCADE, null=True, blank=True, related_name="letters"
    )
    address_change = models.ForeignKey(
        AddressChange, on_delete=models.SET_NULL, null=True, blank=True, related_name="letters"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=LetterKind)
    state = models.CharField(
        _("state"), max_length=16, choices=LetterState, default=LetterState.WAITING
    )
    created_at = models.DateTimeField(_("created"))
    send_after = models.DateTimeField(_("send after"))
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    reached_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When a provider took it, refused it, or may have taken it."),
    )
    error = models.CharField(_("error"), max_length=300, blank=True)
    requested_by = models.CharField(
        _("requested by"), max_length=8, choices=RequestedBy, default=RequestedBy.ANYONE
    )
    requested_from = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("Keyed hash of the network address, for the rate limit."),
    )
    requested_from_wide = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("Keyed hash of the wider network around it, for the rate limit."),
    )
    mailbox = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("Keyed hash of the mailbox whose limit it counts against."),
    )

    objects = LetterQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=LetterState.values), name="letter_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=LetterKind.values), name="letter_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(requested_by__in=RequestedBy.values),
                name="letter_requested_by_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["claimed", "handing"])
                | models.Q(lease_until__isnull=False),
                name="letter_claimed_has_lease",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["failed", "uncertain", "withheld"])
                | ~models.Q(error=""),
                name="letter_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(subscriber__isnull=False) | models.Q(state="withheld"),
                name="letter_to_nobody_is_withheld",
            ),
        ]
        indexes = [
            models.Index(
                fields=["send_after"],
                condition=models.Q(state__in=["waiting", "claimed", "handing"]),
                name="letter_open_by_time",
            ),
            models.Index(fields=["requested_from_wide", "-created_at"], name="letter_by_network"),
            models.Index(
                fields=["mailbox", "-created_at"],
                condition=models.Q(attempts__gt=0)
                | models.Q(state__in=["waiting", "claimed", "handing"]),
                name="letter_by_mailbox",
            ),
            models.Index(
                fields=["-created_at"],
                condition=models.Q(requested_by="anyone") & ~models.Q(state="withheld"),
                name="letter_by_anyone",
            ),
            models.Index(
                fields=["state", "-created_at"],
                condition=models.Q(state__in=["failed", "uncertain"]),
                name="letter_needs_staff",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
