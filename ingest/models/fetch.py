"""Fetch: one visit to a source, with its raw bytes and the lines it could not read."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models.run import Run
from ingest.models.source import Source


class FetchStatus(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    NOT_MODIFIED = "not_modified", _("not modified")
    FAILED = "failed", _("failed")


class FetchBody(models.Model):
    """Raw bytes that a source sent, kept for a while so that a parser's mistake can be mended
    without asking again.

    Stored once however often the same bytes come.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.sha256


class Fetch(models.Model):
    """One visit to a source. Its counts say what became of every entry: entries = new + updated
    + unchanged + rejected.
    """

    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="fetches", verbose_name=_("source")
    )
    run = models.ForeignKey(
        Run,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="fetches",
        verbose_name=_("run"),
    )
    origin = models.CharField(
        _("origin"), max_length=500, help_text=_("The file name or address that was read.")
    )
    window_start = models.DateField(_("from day"), null=True, blank=True)
    window_end = models.DateField(_("to day"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=FetchStatus, default=FetchStatus.RUNNING
    )
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    entries = models.PositiveIntegerField(_("entries"), default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    listed = models.PositiveIntegerField(
        _("newly listed"),
        default=0,
        help_text=_("Papers that the source had not listed on that day before."),
    )
    warning_count = models.PositiveIntegerField(_("number of warnings"), default=0)
    warnings = models.JSONField(
        _("warnings"), default=list, blank=True, help_text=_("The first of them.")
    )
    error = models.TextField(_("error"), blank=True)
    body = models.ForeignKey(
        FetchBody,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="fetches",
    )

    class Meta:
        ordering = ("-started_at", "-pk")
        verbose_name = _("fetch")
        verbose_name_plural = _("fetches")
        indexes = [models.Index(fields=["source", "-started_at"], name="fetch_by_source")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=FetchStatus.values), name="fetch_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    entries=models.F("new")
                    + models.F("updated")
                    + models.F("unchanged")
                    + models.F("rejected")
                ),
                name="fetch_counts_balance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"


class Rejection(models.Model):
    """An entry that could not be read: where it stands and why, so that nothing is dropped
    silently.
    """

    fetch = models.ForeignKey(
        Fetch, on_delete=models.CASCADE, related_name="rejections", verbose_name=_("fetch")
    )
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    excerpt = models.TextField(_("excerpt"), blank=True)

    class Meta:
        ordering = ("fetch", "line")
        verbose_name = _("rejected entry")
        verbose_name_plural = _("rejected entries")

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
