"""Merge and Suggestion: papers that are one, and papers that may be."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models.paper import Paper


class Merge(models.Model):
    """One paper taken into another, by a machine (`by` is empty) or by staff. `undo` is what
    splitting them again needs.

    A merge that was split stays, and keeps machines from joining the two again.
    """

    paper = models.ForeignKey(
        Paper, on_delete=models.CASCADE, related_name="merges", verbose_name=_("paper")
    )
    into = models.ForeignKey(
        Paper, on_delete=models.CASCADE, related_name="taken_in", verbose_name=_("into")
    )
    at = models.DateTimeField(_("merged"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    undo = models.JSONField(default=dict, editable=False)
    split_at = models.DateTimeField(_("split"), null=True, blank=True)
    split_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("split by"),
    )

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        constraints = [
            models.UniqueConstraint(
                fields=["paper"], condition=models.Q(split_at=None), name="merge_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(paper=models.F("into")), name="merge_of_two"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.paper} → {self.into}"


class Suggestion(models.Model):
    """Two papers that may be one, for staff to decide: their titles are alike and they share
    authors. No machine acts on it.
    """

    paper = models.ForeignKey(
        Paper, on_delete=models.CASCADE, related_name="+", verbose_name=_("paper")
    )
    other = models.ForeignKey(
        Paper, on_delete=models.CASCADE, related_name="+", verbose_name=_("other paper")
    )
    likeness = models.PositiveSmallIntegerField(
        _("likeness"), help_text=_("Of the titles, in thousandths.")
    )
    suggested_at = models.DateTimeField(_("suggested"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        ordering = ("-likeness", "pk")
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        constraints = [
            models.UniqueConstraint(fields=["paper", "other"], name="suggestion_once"),
            models.CheckConstraint(
                condition=models.Q(paper__lt=models.F("other")), name="suggestion_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.paper} = {self.other}?"
