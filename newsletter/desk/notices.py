"""Notices: staff are mailed when the machine has stopped an edition or its sending, and readers
wait for a person.
"""

import hashlib
from datetime import datetime

import structlog
from babel.dates import format_date
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import get_language, gettext

from newsletter.composing.locales import locale_of
from newsletter.desk.edition_steps import STEERS_EDITIONS, STEERS_RUNS
from newsletter.models import Edition, EditionCadence, EditionState
from subscriptions.handover import NotHandedOver, hand_over
from subscriptions.letter_mail import about_the_sender, from_templates
from subscriptions.wording import clean_line

log = structlog.get_logger(__name__)


def tell_staff(now: datetime) -> int:
    """Mail staff about every edition that was stopped without them; return how many editions they
    were told of.

    An edition counts as told when one person's mail was handed over, or when nobody has an address
    to be told at. Otherwise the next call tries again.
    """
    stopped = Edition.objects.filter(
        Q(state=EditionState.HELD) | Q(paused_at__isnull=False), untold=True
    )
    return sum(_tell(pk, now) for pk in stopped.order_by("pk").values_list("pk", flat=True))


def _tell(edition_id: int, now: datetime) -> bool:
    """Tell of one edition, its row locked meanwhile, so that of two schedulers one does."""
    with transaction.atomic():
        edition = (
            Edition.objects.select_for_update()
            .defer("statistics")
            .filter(pk=edition_id, untold=True)
            .first()
        )
        if edition is None:
            return False
        addresses = _who_can_help(edition)
        if not addresses:
            log.warning("nobody_to_tell", edition=str(edition))
        told = [address for address in addresses if _handed_over(_notice(edition, address, now))]
        if addresses and not told:
            return False
        Edition.objects.filter(pk=edition_id).update(untold=False)
        return bool(told)


def _who_can_help(edition: Edition) -> list[str]:
    """Return the addresses of staff who may release a held edition, or steer a paused run."""
    permission = STEERS_EDITIONS if edition.state == EditionState.HELD else STEERS_RUNS
    able = User.objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    return list(
        able.filter(is_staff=True).exclude(email="").order_by("pk").values_list("email", flat=True)
    )


def _notice(edition: Edition, address: str, now: datetime) -> EmailMultiAlternatives:
    held = edition.state == EditionState.HELD
    reason = clean_line(edition.held_reason if held else edition.paused_reason)
    context = about_the_sender() | {
        "edition": _named(edition),
        "held": held,
        "reason": reason,
        "desk_url": settings.SITE_URL
        + reverse("admin:newsletter_edition_change", args=[edition.pk]),
    }
    name = hashlib.sha256(f"{edition.pk} {edition.state} {reason} {address}".encode()).hexdigest()[
        :24
    ]
    return from_templates(
        "emails/staff_notice", context, to=address, name=f"notice-{name}", now=now
    )


def _named(edition: Edition) -> str:
    day = format_date(
        edition.day, "long", locale=locale_of(get_language() or settings.LANGUAGE_CODE)
    )
    weekly = edition.cadence == EditionCadence.WEEKLY
    return (
        gettext("weekly edition of %(day)s") if weekly else gettext("daily edition of %(day)s")
    ) % {"day": day}


def _handed_over(message: EmailMultiAlternatives) -> bool:
    try:
        hand_over(message)
    except NotHandedOver as error:
        log.warning("staff_not_told", fate=error.fate.value, reason=error.reason)
        return False
    return True
