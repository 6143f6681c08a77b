"""Edition: one dated issue of a cadence, its candidates, and what was compiled from it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models import Paper
from subscriptions.models import Topic


class EditionCadence(models.TextChoices):
    """Readers on weekdays get the daily edition; the weekly edition is one of its own."""

    DAILY = "daily", _("daily")
    WEEKLY = "weekly", _("weekly")


class EditionState(models.TextChoices):
    """open → review → approved → frozen → sending → done; held from any state before frozen;
    cancelled.
    """

    OPEN = "open", _("open")
    REVIEW = "review", _("in review")
    APPROVED = "approved", _("approved")
    HELD = "held", _("held")
    FROZEN = "frozen", _("frozen")
    SENDING = "sending", _("sending")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")


BEFORE_FROZEN = (EditionState.OPEN, EditionState.REVIEW, EditionState.APPROVED)
AFTER_FREEZE = (EditionState.FROZEN, EditionState.SENDING, EditionState.DONE)
BEING_SENT = (EditionState.FROZEN, EditionState.SENDING)
FINISHED = (EditionState.DONE, EditionState.CANCELLED)


class Edition(models.Model):
    """One dated issue. From its nominal instant on it is frozen, and can only lose papers
    (strikes).

    `statistics` are the frozen inputs of the ranking (newsletter.ranking.statistics), so that any
    score can be computed again. Paused is a fact beside the state: no batch is claimed while it
    lasts, and it says whether a person or an error stopped the run.

    The rows that only the sending needed are deleted after a while (newsletter.retention).
    `profiles_left_at` is when the last of its deliveries forgot its profile. `final_books` are the
    books as they stood before the first delivery was deleted; `statistics` are empty afterwards.
    `matched_profile` is the newest profile whose phrases are stored as `PhraseMatch` rows.
    """

    cadence = models.CharField(_("cadence"), max_length=16, choices=EditionCadence)
    day = models.DateField(_("day"))
    nominal_at = models.DateTimeField(
        _("nominal instant"),
        help_text=_(
            "Frozen by then; each reader's slot is their first wanted hour at or after it."
        ),
    )
    state = models.CharField(
        _("state"), max_length=16, choices=EditionState, default=EditionState.OPEN
    )
    held_at = models.DateTimeField(_("held"), null=True, blank=True)
    held_reason = models.CharField(_("held because"), max_length=300, blank=True)
    note = models.TextField(
        _("editor's note"), blank=True, help_text=_("Shown at the top of every digest.")
    )
    health_line = models.CharField(
        _("source health"),
        max_length=300,
        blank=True,
        help_text=_("One honest line when a source is missing."),
    )
    candidate_days = models.PositiveSmallIntegerField(
        _("candidate days"), help_text=_("How many listing days back it looks for papers.")
    )
    opened_at = models.DateTimeField(_("opened"))
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    frozen_at = models.DateTimeField(_("frozen"), null=True, blank=True)
    planned_at = models.DateTimeField(_("planned"), null=True, blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    paused_at = models.DateTimeField(_("sending paused"), null=True, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(_("paused because"), max_length=300, blank=True)
    statistics = models.BinaryField(null=True, editable=False)
    matched_profile = models.PositiveBigIntegerField(default=0, editable=False)
    profiles_left_at = models.DateTimeField(null=True, editable=False)
    final_books = models.JSONField(null=True, editable=False)

    class Meta:
        ordering = ("-day", "cadence")
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        constraints = [
            models.UniqueConstraint(fields=["cadence", "day"], name="edition_once_a_day"),
            models.CheckConstraint(
                condition=models.Q(cadence__in=EditionCadence.values), name="edition_cadence_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=EditionState.values), name="edition_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=AFTER_FREEZE)
                | models.Q(frozen_at__isnull=False, statistics__isnull=False),
                name="edition_frozen_is_complete",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=EditionState.HELD) | ~models.Q(held_reason=""),
                name="edition_held_has_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(paused_at=None) | ~models.Q(paused_reason=""),
                name="edition_paused_has_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=EditionState.DONE) | models.Q(done_at__isnull=False),
                name="edition_done_at_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cadence_display()} {self.day}"


class Candidate(models.Model):
    """A paper that an edition may mail, with its counts as they stood when the edition was last
    rebuilt. `since` is when it became one. From the freeze on `link_fault` says which of its links
    is not mailed, and why.
    """

    edition = models.ForeignKey(
        Edition, on_delete=models.CASCADE, related_name="candidates", verbose_name=_("edition")
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.PROTECT, related_name="candidacies", verbose_name=_("paper")
    )
    since = models.DateTimeField(_("candidate since"))
    listed = models.DateField(_("first listed"))
    votes = models.PositiveIntegerField(_("votes"), null=True, blank=True)
    votes_before = models.PositiveIntegerField(_("votes a day before"), null=True, blank=True)
    comments = models.PositiveIntegerField(_("comments"), null=True, blank=True)
    link_fault = models.CharField(
        _("link left out because"), max_length=300, blank=True, editable=False
    )

    class Meta:
        ordering = ("edition", "-votes", "paper")
        verbose_name = _("candidate")
        verbose_name_plural = _("candidates")
        constraints = [models.UniqueConstraint(fields=["edition", "paper"], name="candidate_once")]

    def __str__(self) -> str:
        return str(self.paper)


class TopicPapers(models.Model):
    """The papers of a frozen edition on one topic, for the site: pairs of a paper's id and the
    reason in English, best first.
    """

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="topic_papers")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+")
    papers = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "topic"], name="topic_papers_once_an_edition"
            )
        ]

    def __str__(self) -> str:
        return f"{self.edition} on {self.topic}"


class CompiledEdition(models.Model):
    """An edition's layout and cards, inlined once and stored whole; workers read it and never
    compile again.
    """

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="compiled")
    language = models.CharField(max_length=16, default="en")
    template_hash = models.CharField(max_length=64)
    content = models.BinaryField()
    compiled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "language"], name="compiled_once_a_language")
        ]

    def __str__(self) -> str:
        return f"{self.edition} in {self.language}"


class PhraseMatch(models.Model):
    """The papers of a frozen edition that a reader's own phrase matches, computed before digests
    are chosen.

    `phrase_digest` is the SHA-256, in hex, of the phrase in normal form, which all its spellings
    share: no reader's words are kept here. `match` is what `newsletter.ranking.matches.Match`
    stores. Rows are deleted when the edition is done. A missing row costs time and changes nothing.
    """

    pk = models.CompositePrimaryKey("edition_id", "phrase_digest")
    edition = models.ForeignKey(
        Edition, on_delete=models.CASCADE, related_name="phrase_matches", db_index=False
    )
    phrase_digest = models.CharField(max_length=64)
    match = models.BinaryField()

    def __str__(self) -> str:
        return f"match of {self.phrase_digest} in {self.edition}"
