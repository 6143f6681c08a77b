"""ArchiveFit: what the stored papers taught about words, one version per fit."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ArchiveFit(models.Model):
    """Statistics over the stored papers (newsletter.ranking.archive), never changed; the newest
    version is the one in use.

    `papers` is how many papers it was learned from, seeds included while there are few. `digest` is
    the SHA-256 of `content` in hex, under which processes remember what they have read.
    """

    fitted_at = models.DateTimeField(_("fitted"))
    papers = models.PositiveIntegerField(_("papers"))
    digest = models.CharField(max_length=64, editable=False)
    content = models.BinaryField(editable=False)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("archive statistics")
        verbose_name_plural = _("archive statistics")

    def __str__(self) -> str:
        return f"archive statistics {self.pk}, {self.papers} papers"
