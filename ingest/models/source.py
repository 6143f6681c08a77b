"""Source: a place that says what is trending."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """One place that says what is trending. When it is asked is for the settings, and how often
    its host may be for HostPace.
    """

    slug = models.SlugField(_("slug"), unique=True)
    kind = models.SlugField(
        _("kind"), help_text=_("Which parser reads it, such as listing or huggingface.")
    )
    title = models.CharField(_("title"), max_length=200)
    enabled = models.BooleanField(_("enabled"), default=True)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=100,
        help_text=_(
            "Where two sources know the same field of a paper, the lower number is believed."
        ),
    )
    options = models.JSONField(
        _("options"),
        default=dict,
        blank=True,
        help_text=_("Settings of this source, such as its categories."),
    )
    sealed_key = models.TextField(
        _("key"), default="", blank=True, editable=False, help_text=_("Encrypted: see ingest.keys.")
    )
    validators = models.JSONField(
        _("validators"),
        default=dict,
        blank=True,
        editable=False,
        help_text=_("ETag and Last-Modified of each address's last answer."),
    )

    class Meta:
        ordering = ("priority", "slug")
        verbose_name = _("source")
        verbose_name_plural = _("sources")

    def __str__(self) -> str:
        return self.title
