"""What staff may do to an edition. The steps themselves are newsletter.editions' and
newsletter.sending's; here is who may, and when.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminTextareaWidget

from newsletter import editions
from newsletter.composing.compiled import BrokenLayout
from newsletter.composing.content import EditionContent
from newsletter.composing.gate import layout_faults
from newsletter.composing.lint.rules import describe
from newsletter.desk.steps import Because, Step, StepRefused
from newsletter.editions import WrongState
from newsletter.editions.candidates import candidates_of, come_since_hold
from newsletter.editions.cards import joined_edition
from newsletter.editions.content import content_of
from newsletter.editions.day import freeze_or_hold
from newsletter.models import BEFORE_FROZEN, Edition, EditionState
from newsletter.sending import control
from newsletter.sending.failing import try_again
from subscriptions.inlining import CutShort

Run = Callable[[Edition, User, dict[str, Any], datetime], str]

STEERS_EDITIONS = "newsletter.change_edition"
STEERS_RUNS = "newsletter.change_batch"
NOTE_LENGTH = 2000
PAPERS_NAMED = 5


class EditorsNote(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=NOTE_LENGTH,
        widget=UnfoldAdminTextareaWidget(),
        help_text=gettext_lazy(
            "Stands at the top of every digest of this edition. It replaces the note that is "
            "there; empty takes it away."
        ),
    )


def _in(*states: str) -> Callable[[Edition], bool]:
    return lambda edition: edition.state in states


def _checked(run: Run) -> Run:
    """Let an edition that has moved on meanwhile be told to the person instead of being an
    error.
    """

    def checked(edition: Edition, staff: User, answers: dict[str, Any], now: datetime) -> str:
        try:
            return run(edition, staff, answers, now)
        except WrongState as error:
            raise StepRefused(str(error)) from error

    return checked


@_checked
def _approve(edition: Edition, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    content = content_of(edition, candidates_of(edition))
    try:
        compiled, links = joined_edition(content, now)
    except (BrokenLayout, CutShort) as error:
        raise StepRefused(_faulty(str(error))) from error
    if faults := layout_faults(content, compiled, development=not settings.PRODUCTION):
        raise StepRefused(_faulty(describe(faults)))
    editions.approve(edition, now)
    left_out = [*compiled.dropped, *links]
    if not left_out:
        return _("Approved.")
    return _("Approved. What is faulty will be left out: %(papers)s") % {
        "papers": _named(left_out, content)
    }


def _faulty(faults: str) -> str:
    """Say what is wrong with the mail and how to go on; releasing a held edition approves it as
    it is.
    """
    return _(
        "Its mail would be faulty: %(faults)s Mend it, or hold the edition and release it as it is."
    ) % {"faults": faults}


def _named(reasons: Sequence[tuple[int, str]], content: EditionContent) -> str:
    """Name the first few papers with their reasons, and count the others."""
    titles = {paper.id: paper.title for paper in content.papers}
    named = " ".join(
        f"“{titles[paper_id]}”: {reason}" for paper_id, reason in reasons[:PAPERS_NAMED]
    )
    more = len(reasons) - PAPERS_NAMED
    return (
        _("%(named)s And %(count)d more.") % {"named": named, "count": more} if more > 0 else named
    )


@_checked
def _hold(edition: Edition, _staff: User, answers: dict[str, Any], now: datetime) -> str:
    editions.hold(edition, answers["reason"], now)
    return _("Held: %(reason)s") % answers


class WhatWasSeen(forms.Form):
    """The newest candidate that the page showed. A paper that came later was not seen."""

    newest = forms.IntegerField(min_value=0, widget=forms.HiddenInput())


def _newest(edition: Edition) -> int:
    """Return the number of the newest candidate; 0 where there is none."""
    return edition.candidates.aggregate(newest=Max("pk"))["newest"] or 0


def _ask_for_release(edition: Edition) -> str:
    """Say which papers the released edition would take in."""
    counts = {
        "papers": edition.candidates.count(),
        "new": come_since_hold(edition).count(),
        "hour": f"{edition.nominal_at:%Y-%m-%d %H:%M}",
    }
    came = _("It has %(papers)d candidates; %(new)d of them came since it was held.") % counts
    if edition.nominal_at <= timezone.now():
        follows = _(
            "Release the edition? It counts as approved. Its time is over, so the clock freezes it "
            "within a few minutes with exactly these candidates. Papers that come later stay out."
        )
    else:
        follows = (
            _(
                "Release the edition? It counts as approved. It collects papers, as every edition "
                "does, until the clock freezes it at %(hour)s UTC."
            )
            % counts
        )
    return f"{came} {follows}"


@_checked
def _release(edition: Edition, _staff: User, answers: dict[str, Any], now: datetime) -> str:
    """Release the edition, unless it has papers that the person who releases it did not see."""
    with transaction.atomic():
        editions.lock(edition)
        new = edition.candidates.filter(pk__gt=answers["newest"]).count()
        if new:
            raise StepRefused(
                ngettext(
                    "Not released: %(count)d paper came after you opened the page. Look at it, "
                    "and release the edition then.",
                    "Not released: %(count)d papers came after you opened the page. Look at them, "
                    "and release the edition then.",
                    new,
                )
                % {"count": new}
            )
        editions.release(edition, now)
    return _("Released, and approved with %(papers)d candidates.") % {
        "papers": edition.candidates.count()
    }


@_checked
def _freeze(edition: Edition, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    if not freeze_or_hold(edition, now):
        edition.refresh_from_db(fields=["state", "held_reason"])
        if edition.state in BEFORE_FROZEN:
            raise StepRefused(_("It changed while it was being frozen. Try again."))
        raise StepRefused(
            _("It was not frozen: it is %(state)s. %(reason)s")
            % {"state": edition.get_state_display(), "reason": edition.held_reason}
        )
    return _("Frozen. From here on it can only lose papers.")


@_checked
def _cancel(edition: Edition, _staff: User, answers: dict[str, Any], _now: datetime) -> str:
    editions.cancel_before_freeze(edition)
    return _("Cancelled: %(reason)s") % answers


@_checked
def _cancel_run(edition: Edition, _staff: User, answers: dict[str, Any], _now: datetime) -> str:
    control.cancel_run(edition.pk)
    return _("Sending cancelled: %(reason)s") % answers


def _pause(edition: Edition, _staff: User, answers: dict[str, Any], now: datetime) -> str:
    control.pause(edition.pk, answers["reason"], now)
    return _("Sending paused: %(reason)s") % answers


def _resume(edition: Edition, _staff: User, _answers: dict[str, Any], _now: datetime) -> str:
    control.resume(edition.pk)
    return _("Sending goes on.")


@_checked
def _retry_failed(edition: Edition, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    deliveries = control.retry_failed(edition.pk, now)
    return _("Tried again: %(deliveries)d failed deliveries, %(batches)d failing batches.") % {
        "deliveries": deliveries,
        "batches": try_again(edition.batches.all(), now),
    }


def _write_note(edition: Edition, _staff: User, answers: dict[str, Any], _now: datetime) -> str:
    open_to_words = Edition.objects.filter(
        pk=edition.pk, state__in=[*BEFORE_FROZEN, EditionState.HELD]
    )
    if not open_to_words.update(note=answers["note"]):
        raise StepRefused(_("The edition is frozen: its words cannot change any more."))
    return _("Editor's note: %(note)s") % {"note": answers["note"] or _("none")}


STEPS = (
    Step(
        "approve",
        gettext_lazy("Approve"),
        gettext_lazy(
            "Approve the edition as it stands? The clock freezes it either way; approving says "
            "that a person has looked."
        ),
        STEERS_EDITIONS,
        _in(EditionState.OPEN, EditionState.REVIEW),
        _approve,
    ),
    Step(
        "note",
        gettext_lazy("Write a note"),
        gettext_lazy("What should every reader of this edition see first?"),
        STEERS_EDITIONS,
        _in(*BEFORE_FROZEN, EditionState.HELD),
        _write_note,
        form=EditorsNote,
    ),
    Step(
        "hold",
        gettext_lazy("Hold"),
        gettext_lazy(
            "Keep the clock from freezing this edition? Nobody gets it until somebody releases it. "
            "It goes on collecting papers meanwhile, and its page marks those that came."
        ),
        STEERS_EDITIONS,
        _in(*BEFORE_FROZEN),
        _hold,
        form=Because,
    ),
    Step(
        "release",
        gettext_lazy("Release"),
        _ask_for_release,
        STEERS_EDITIONS,
        _in(EditionState.HELD),
        _release,
        form=WhatWasSeen,
        initial=lambda edition: {"newest": _newest(edition)},
    ),
    Step(
        "freeze",
        gettext_lazy("Freeze now"),
        gettext_lazy(
            "Freeze the edition now? From then on it can only lose papers, and sending begins at "
            "each reader's hour."
        ),
        STEERS_EDITIONS,
        _in(*BEFORE_FROZEN),
        _freeze,
    ),
    Step(
        "cancel",
        gettext_lazy("Cancel"),
        gettext_lazy("Cancel this edition? It will not appear, and that cannot be undone."),
        STEERS_EDITIONS,
        _in(*BEFORE_FROZEN, EditionState.HELD),
        _cancel,
        form=Because,
        grave=True,
    ),
    Step(
        "pause",
        gettext_lazy("Pause sending"),
        gettext_lazy(
            "Stop sending? Workers stop within one mail each, nothing is lost, and it can go on "
            "later."
        ),
        STEERS_RUNS,
        lambda edition: (
            edition.state in (EditionState.FROZEN, EditionState.SENDING)
            and edition.paused_at is None
        ),
        _pause,
        form=Because,
    ),
    Step(
        "resume",
        gettext_lazy("Go on sending"),
        gettext_lazy("Go on where the pause stopped?"),
        STEERS_RUNS,
        lambda edition: edition.paused_at is not None,
        _resume,
    ),
    Step(
        "retry-failed",
        gettext_lazy("Retry failed"),
        gettext_lazy(
            "Try failed deliveries and failing batches again? Do it when what made them fail is "
            "mended."
        ),
        STEERS_RUNS,
        _in(EditionState.SENDING, EditionState.DONE),
        _retry_failed,
    ),
    Step(
        "cancel-run",
        gettext_lazy("Cancel sending"),
        gettext_lazy("End this edition for good? Whoever has not got it yet never will."),
        STEERS_RUNS,
        _in(EditionState.FROZEN, EditionState.SENDING),
        _cancel_run,
        form=Because,
        grave=True,
    ),
)
