"""AddressChange: a reader's wish to be mailed at another address, and what became of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from subscriptions.models.subscriber import Subscriber


class AddressChangeQuerySet(models.QuerySet["AddressChange"]):
    def open(self) -> "AddressChangeQuerySet":
        """Wishes that the new mailbox may still agree to."""
        return self.filter(made_at=None, replaced_at=None)

    def naming(self, address_key: str) -> "AddressChangeQuerySet":
        """Changes, of whomever, to or from an address."""
        return self.filter(models.Q(address_key=address_key) | models.Q(former_key=address_key))


class AddressChange(models.Model):
    """One wish to move. It changes nothing until the new mailbox agrees; a later wish of the same
    reader replaces it.

    `former` is the address that the reader had when the change was made. Replaced wishes stay for
    some days, because they count against the limit of their reader.
    """

    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="address_changes",
        verbose_name=_("reader"),
    )
    address = models.CharField(_("new address"), max_length=320)
    address_key = models.CharField(max_length=320, editable=False)
    former = models.CharField(_("former address"), max_length=320, blank=True)
    former_key = models.CharField(max_length=320, blank=True, editable=False)
    requested_at = models.DateTimeField(_("requested"))
    made_at = models.DateTimeField(_("made"), null=True, blank=True)
    replaced_at = models.DateTimeField(_("replaced"), null=True, blank=True)

    objects = AddressChangeQuerySet.as_manager()

    class Meta:
        ordering = ("-requested_at", "-pk")
        verbose_name = _("change of address")
        verbose_name_plural = _("changes of address")
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber"],
                condition=models.Q(made_at=None, replaced_at=None),
                name="address_change_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(made_at=None)
                | models.Q(replaced_at=None) & ~models.Q(former=""),
                name="address_change_made_from",
            ),
        ]
        indexes = [
            models.Index(fields=["address_key"], name="address_change_by_new"),
            models.Index(fields=["former_key"], name="address_change_by_former"),
        ]

    def __str__(self) -> str:
        return f"change of address {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.made_at is None and self.replaced_at is None
