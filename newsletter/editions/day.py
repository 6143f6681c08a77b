"""The course of a day: editions open, are kept up to date and are frozen when the clock says so."""

from contextlib import suppress
from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from newsletter.editions.candidates import rebuild
from newsletter.editions.freezing import freeze
from newsletter.editions.opening import latest_day, open_edition
from newsletter.editions.states import WrongState, hold
from newsletter.faults import alerting
from newsletter.models import (
    BEFORE_FROZEN,
    Alert,
    AlertKind,
    Edition,
    EditionCadence,
    EditionState,
)

log = structlog.get_logger(__name__)


def look_after_editions(now: datetime) -> None:
    """Open what should be open, bring candidates up to date, freeze what is due. Safe to repeat.

    A held edition is brought up to date until the hours of its readers and the catch-up window are
    over: staff decide about what it would take in now.

    An edition that raises an exception stops no other: staff see the reason, and the next call
    tries again.
    """
    for cadence in EditionCadence.values:
        day = latest_day(cadence, now)
        if day is not None:
            _open(cadence, day, now)
    catch_up = timedelta(days=1, hours=settings.CATCH_UP_HOURS)
    held = Q(state=EditionState.HELD, nominal_at__gt=now - catch_up)
    editions = Edition.objects.filter(held | Q(state__in=BEFORE_FROZEN))
    for edition in editions.order_by("nominal_at", "pk"):
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
    if edition.nominal_at <= now and edition.state != EditionState.HELD:
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
        reason = f"It could not be frozen: {error or type(error).__name__}"
        # A person may have stopped it, or another worker frozen it, while this one computed.
        with suppress(WrongState):
            hold(edition, reason, now, by_machine=True)
        return False
