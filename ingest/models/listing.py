"""Listing and Count: a paper on a source's day, and how its votes grew there."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models.paper import Paper
from ingest.models.source import Source


class Listing(models.Model):
    """A paper on a source's day.

    `last_seen_at` is the newest reading of it, also when nothing had changed: a Count tells since
    when a value holds, this tells until when it is known to hold. Of an old listing only the
    newest and the highest count are kept, and then `counts_thinned` is set.
    """

    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="listings", verbose_name=_("source")
    )
    day = models.DateField(_("day"))
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="listings", verbose_name=_("paper")
    )
    last_seen_at = models.DateTimeField(_("last seen"))
    counts_thinned = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ("-day", "source", "pk")
        verbose_name = _("listing")
        verbose_name_plural = _("listings")
        constraints = [
            models.UniqueConstraint(fields=["source", "day", "paper"], name="listing_once_a_day")
        ]
        indexes = [
            models.Index(fields=["day"], name="listing_by_day"),
            models.Index(
                fields=["day"],
                condition=models.Q(counts_thinned=False),
                name="listing_not_thinned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.paper} on {self.day}"


class Count(models.Model):
    """Votes, comments and rank of a listing when seen: append-only, one row per change, null where
    the source does not say.

    `seen_at` is the earliest reading known to give these values; a reading that arrives out of
    order may move it back.
    """

    listing = models.ForeignKey(
        Listing, on_delete=models.CASCADE, related_name="counts", verbose_name=_("listing")
    )
    seen_at = models.DateTimeField(_("seen"))
    votes = models.PositiveIntegerField(_("votes"), null=True, blank=True)
    comments = models.PositiveIntegerField(_("comments"), null=True, blank=True)
    rank = models.PositiveIntegerField(_("rank"), null=True, blank=True)

    class Meta:
        ordering = ("seen_at", "pk")
        verbose_name = _("count")
        verbose_name_plural = _("counts")
        constraints = [
            models.UniqueConstraint(fields=["listing", "seen_at"], name="count_once_an_instant")
        ]

    def __str__(self) -> str:
        return f"{self.votes} votes at {self.seen_at:%Y-%m-%d %H:%M}"
