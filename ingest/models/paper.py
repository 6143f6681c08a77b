"""Paper: the work itself, once, whatever source, version or list it came by."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Paper(models.Model):
    """The work itself, once.

    What no source knows is left empty: `author_count` may be known where the names are not, and
    `published` is null rather than guessed. `field_sources` maps a field name to the slug of the
    source that gave it and the instant it was seen there, as `["huggingface",
    "2025-01-09T17:08:00Z"]` (see ingest.merging). A merged paper stays as a redirect.
    """

    title = models.CharField(_("title"), max_length=500)
    title_key = models.CharField(_("title key"), max_length=500, db_index=True, editable=False)
    abstract = models.TextField(_("abstract"), blank=True)
    authors = models.JSONField(_("authors"), default=list, blank=True)
    author_count = models.PositiveIntegerField(_("number of authors"), null=True, blank=True)
    arxiv_id = models.CharField(_("arXiv id"), max_length=32, unique=True, null=True, blank=True)
    arxiv_version = models.PositiveSmallIntegerField(_("arXiv version"), null=True, blank=True)
    doi = models.CharField(_("DOI"), max_length=200, unique=True, null=True, blank=True)
    link = models.URLField(
        _("link"),
        max_length=500,
        blank=True,
        help_text=_("Where to read it, when it is not on arXiv."),
    )
    published = models.DateField(_("published"), null=True, blank=True)
    year_inferred = models.BooleanField(_("year inferred"), default=False)
    categories = models.JSONField(_("arXiv categories"), default=list, blank=True)
    code_link = models.URLField(_("code"), max_length=500, blank=True)
    project_link = models.URLField(_("project page"), max_length=500, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    field_sources = models.JSONField(default=dict, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    first_seen_at = models.DateTimeField(
        _("first seen"), help_text=_("The earliest instant at which a source showed it.")
    )

    class Meta:
        ordering = ("-first_seen_at", "-pk")
        verbose_name = _("paper")
        verbose_name_plural = _("papers")
        indexes = [models.Index(fields=["first_seen_at", "id"], name="paper_by_first_seen")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(title="") & ~models.Q(title_key=""), name="paper_has_title"
            ),
            models.UniqueConstraint(
                fields=["title_key"],
                condition=models.Q(arxiv_id=None, doi=None, merged_into=None),
                name="paper_title_once_without_id",
            ),
            models.CheckConstraint(
                condition=~models.Q(merged_into=models.F("id")), name="paper_not_merged_into_itself"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return where the paper can be read: its arXiv page, its DOI, or the link staff gave;
        empty when none is known.
        """
        if self.arxiv_id:
            return f"https://arxiv.org/abs/{self.arxiv_id}"
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return self.link


class FormerTitle(models.Model):
    """The key of a title that a paper once had: an entry without an id that still carries it is
    known by it.
    """

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="former_titles")
    title_key = models.CharField(max_length=500, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["paper", "title_key"], name="former_title_once")
        ]

    def __str__(self) -> str:
        return self.title_key
