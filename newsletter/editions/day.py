"""The course of a day: editions open, are kept up to date and are frozen when the clock says so."""

from datetime import date, datetime

import structlog
from django.db import DatabaseError

from newsletter.editions.candidates import rebuild
from newsletter.editions.freezing import freeze
from newsletter.editions.opening import latest_day, open_edition
from newsletter.editions.states import hold
from newsletter.faults import alerting
from newsletter.models import BEFORE_FROZEN, Alert, AlertKind, Edition, EditionCadence

log = structlog.get_logger(__name__)


def look_after_editions(now: datetime) -> None:
    """Open what should be open, bring candidates up to date, freeze what is due. Safe to repeat.

    An edition that raises an exception stops no other: staff see the reason, and the next call
    tries again.
    """
    for cadence in EditionCadence.values:
        day = latest_day(cadence, now)
        if day is not None:
            _open(cadence, day, now)
    for edition in Edition.objects.filter(state__in=BEFORE_FROZEN).order_by("nominal_at", "pk"):
        with alerting(edition.pk, AlertKind.COLLECTING):
            _bring_up_to_date(edition, now)


def _open(cadence: str, day: date, now: datetime) -> None:
    """Open the edition. What keeps its papers out is left to the step that brings every open
    edition up to date.
    """
    try:
        open_edition(cadence, day, now)
    except Exception:
        if not Edition.objects.filter(cadence=cadence, day=day).exists():
            raise


def _bring_up_to_date(edition: Edition, now: datetime) -> None:
    if edition.nominal_at <= now:
        freeze_or_hold(edition, now)
    else:
        rebuild(edition, now)
    Alert.objects.end(edition.pk, AlertKind.COLLECTING)


def freeze_or_hold(edition: Edition, now: datetime) -> bool:
    """Freeze the edition; one that cannot be frozen is held for a person, with the reason, and
    the others go on.
    """
    try:
        return freeze(edition.pk, now)
    except DatabaseError:
        raise
    except Exception as error:
        log.exception("freeze_refused", edition=str(edition))
        hold(edition, f"It could not be frozen: {error or type(error).__name__}", by_machine=True)
        return False
