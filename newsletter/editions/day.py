"""The course of a day: editions open, are kept up to date and are frozen when the clock says so."""

from datetime import datetime

import structlog
from django.db import DatabaseError

from newsletter.editions.candidates import rebuild
from newsletter.editions.freezing import freeze
from newsletter.editions.opening import latest_day, open_edition
from newsletter.editions.states import hold
from newsletter.models import BEFORE_FROZEN, Edition, EditionCadence

log = structlog.get_logger(__name__)


def look_after_editions(now: datetime) -> None:
    """Open what should be open, bring candidates up to date, freeze what is due. Safe to repeat;
    one edition never stops another.
    """
    for cadence in EditionCadence.values:
        day = latest_day(cadence, now)
        if day is not None:
            open_edition(cadence, day, now)
    for edition in Edition.objects.filter(state__in=BEFORE_FROZEN).order_by("nominal_at", "pk"):
        if edition.nominal_at <= now:
            freeze_or_hold(edition, now)
        else:
            rebuild(edition, now)


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
