"""Curation and Strike: what staff decided about a paper in an edition."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models import Paper
from newsletter.models.edition import Edition


class CurationKind(models.TextChoices):
    PIN = "pin", _("pin")
    HIDE = "hide", _("hide")
    BOOST = "boost", _("boost")
    NOTE = "note", _("note")


class Curation(models.Model):
    """One staff decision on a paper in an edition. Append-only: of each kind the latest wins, and
    the trail stays.

    `value` is 1 or 0 for pin and hide, −100 to 100 for boost, and unused for a note, whose words
    are in `text`.
    """

    edition = models.ForeignKey(
        Edition, on_delete=models.CASCADE, related_name="curations", verbose_name=_("edition")
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="curations", verbose_name=_("paper")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=CurationKind)
    value = models.SmallIntegerField(_("value"), default=0)
    text = models.CharField(_("text"), max_length=500, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ("at", "pk")
        verbose_name = _("curation")
        verbose_name_plural = _("curations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=CurationKind.values), name="curation_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(value__range=(-100, 100)), name="curation_value_bounded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.paper}"


class Strike(models.Model):
    """Taking a paper out of a frozen edition: it was withdrawn, or staff decided. A frozen
    edition can only lose papers.
    """

    edition = models.ForeignKey(
        Edition, on_delete=models.CASCADE, related_name="strikes", verbose_name=_("edition")
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="strikes", verbose_name=_("paper")
    )
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ("at", "pk")
        verbose_name = _("strike")
        verbose_name_plural = _("strikes")
        constraints = [models.UniqueConstraint(fields=["edition", "paper"], name="strike_once")]

    def __str__(self) -> str:
        return f"{self.paper}: {self.reason}"
