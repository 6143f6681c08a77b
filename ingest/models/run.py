"""Run: the pages that are asked of a source for one window of days."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models.source import Source


class RunState(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("given up")


class Run(models.Model):
    """The pages that are asked of a source for one window of days, one Fetch per page.

    Everything that a run needs to go on is here, so any worker can take it up: `position` says
    which page comes next and `next_try_at` from when on it may be asked. Who asks moves
    `next_try_at` ahead first, which is a lease: nobody else asks meanwhile, and when the worker
    dies the run is taken up when the lease is over. `failures` counts the tries in a row that gave
    no page.
    """

    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="runs", verbose_name=_("source")
    )
    due_at = models.DateTimeField(
        _("due"),
        null=True,
        blank=True,
        help_text=_("The scheduled instant; empty for a run that a person began."),
    )
    subject = models.CharField(
        _("asked for"),
        max_length=64,
        blank=True,
        help_text=_("The one paper that was asked for, by its id."),
    )
    window_start = models.DateField(_("from day"))
    window_end = models.DateField(_("to day"))
    position = models.JSONField(_("next page"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=RunState, default=RunState.RUNNING)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    looks = models.PositiveSmallIntegerField(
        _("looks"), default=1, help_text=_("How often it was begun because nothing new was there.")
    )
    failures = models.PositiveSmallIntegerField(_("failed tries in a row"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(state="running"),
                name="run_open_by_next_try",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "due_at"], name="run_once_when_due"),
            models.UniqueConstraint(
                fields=["source", "subject", "window_start", "window_end"],
                condition=models.Q(due_at=None, state="running"),
                name="run_by_hand_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=RunState.values), name="run_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(window_end__gte=models.F("window_start")),
                name="run_window_ordered",
            ),
            models.CheckConstraint(
                condition=models.Q(state="running") | models.Q(finished_at__isnull=False),
                name="run_finished_at_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.window_start} to {self.window_end}"
