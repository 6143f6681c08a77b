"""Topic: a named interest with phrases and categories."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Topic(models.Model):
    """A named interest that readers choose: the phrases papers use for it, its arXiv categories
    and its parent.
    """

    slug = models.SlugField(_("slug"), unique=True)
    name = models.CharField(_("name"), max_length=80, unique=True)
    description = models.CharField(_("description"), max_length=300, blank=True)
    phrases = models.JSONField(
        _("phrases"),
        default=list,
        blank=True,
        help_text=_("Words a paper on this topic would use, as a list."),
    )
    categories = models.JSONField(_("arXiv categories"), default=list, blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    retired = models.BooleanField(
        _("retired"), default=False, help_text=_("No longer offered; readers who chose it keep it.")
    )

    class Meta:
        ordering = ("name",)
        verbose_name = _("topic")
        verbose_name_plural = _("topics")

    def __str__(self) -> str:
        return self.name
