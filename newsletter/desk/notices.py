"""Notices: staff are mailed when something of an edition needs a person, and when that is over;
and when the requests of strangers are refused.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from babel.dates import format_date
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from newsletter.composing.locales import locale_of
from newsletter.desk.edition_steps import STEERS_EDITIONS, STEERS_RUNS
from newsletter.faults import isolated
from newsletter.models import STOPPED, Alert, AlertKind, Edition, EditionCadence
from newsletter.sending.books import books
from subscriptions.arming import is_armed
from subscriptions.handover import NotHandedOver, hand_over
from subscriptions.letter_mail import about_the_sender, from_templates
from subscriptions.models import RequestBreaker
from subscriptions.wording import clean_line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What a notice says of a kind of alert; `who` may do something about it."""

    subject: str | Promise
    heading: str | Promise
    text: str | Promise
    who: str


WORDS: Mapping[str, Words] = {
    AlertKind.HELD: Words(
        _("%(site)s: the %(edition)s is held"),
        _("An edition waits for you"),
        _("The %(edition)s is held, and nobody gets it until somebody releases it."),
        STEERS_EDITIONS,
    ),
    AlertKind.PAUSED: Words(
        _("%(site)s: sending of the %(edition)s is paused"),
        _("Sending waits for you"),
        _(
            "Sending of the %(edition)s is paused. Who has not got it yet waits until somebody "
            "lets it go on."
        ),
        STEERS_RUNS,
    ),
    AlertKind.COLLECTING: Words(
        _("%(site)s: the papers of the %(edition)s cannot be collected"),
        _("An edition needs you"),
        _(
            "Collecting the papers of the %(edition)s, or freezing it, fails again and again. "
            "Nobody gets the edition until that works. It is tried every minute."
        ),
        STEERS_EDITIONS,
    ),
    AlertKind.PLANNING: Words(
        _("%(site)s: the %(edition)s cannot be planned"),
        _("An edition needs you"),
        _(
            "Planning the %(edition)s fails again and again. Nobody gets the edition until that "
            "works. It is tried every minute."
        ),
        STEERS_RUNS,
    ),
    AlertKind.BATCHES: Words(
        _("%(site)s: batches of the %(edition)s cannot be sent"),
        _("Batches need you"),
        _(
            "Some batches of the %(edition)s fail again and again. They are tried at growing "
            "intervals. Their readers get nothing once it is too late for the hour they chose. "
            "After you have mended the cause, press “Retry failed” on the edition's page."
        ),
        STEERS_RUNS,
    ),
    AlertKind.BLOCKED: Words(
        _("%(site)s: mail servers block the %(edition)s"),
        _("Mail servers block your mail"),
        _(
            "Some mail servers block the %(edition)s by a policy of theirs. This is no fault of "
            "the readers, and none of them is suppressed. Look at the domain's SPF, DKIM and DMARC "
            "records, and at the reputation of the provider's addresses."
        ),
        STEERS_RUNS,
    ),
    AlertKind.BOOKS: Words(
        _("%(site)s: the books of the %(edition)s do not balance"),
        _("An edition needs you"),
        _(
            "The %(edition)s has been sent, but its books do not balance: a reader is missing, or "
            "counted twice. It is not called done before they balance."
        ),
        STEERS_RUNS,
    ),
}
OVER_SUBJECT = _("%(site)s: the problem of the %(edition)s is over")
OVER_HEADING = _("The problem is over")
OVER_TEXT = _(
    "We wrote to you about the %(edition)s (%(what)s). That is over. The edition is now: %(state)s."
)

RESUMES_REQUESTS = "subscriptions.change_requestbreaker"
"""The permission to take requests again before the breaker does by itself."""
TRY_AGAIN = timedelta(minutes=5)
"""When a notice about the request breaker is tried again that no provider took."""


def tell_staff(now: datetime) -> int:
    """Mail staff once about every alert that needs a person, and once when it is over, and about
    the request breaker; return of how many of these they were told. A machine that is not armed
    tells nobody: its database may be a copy.

    They count as told when one person's mail was handed over, or when nobody has an address to be
    told at. Otherwise the next call tries again. What is over before anybody was told is no news.
    """
    if not is_armed(now):
        return 0
    standing = Alert.objects.standing().values("pk")
    over = Alert.objects.exclude(pk__in=standing)
    over.filter(Q(told_at=None) | Q(kind__in=STOPPED)).delete()
    told = 0
    for alerts, tell in (
        (over.filter(told_at__isnull=False), _tell_that_it_is_over),
        (Alert.objects.shown().filter(told_at=None), _tell),
    ):
        for pk in list(alerts.order_by("pk").values_list("pk", flat=True)):
            with isolated("staff_not_told", alert=pk):
                told += tell(pk, now)
    with isolated("staff_not_told", of="request breaker"):
        told += _tell_of_breaker(now)
    return told


def _tell_of_breaker(now: datetime) -> bool:
    """Tell that the breaker has tripped. The row is not locked meanwhile, since each sign-up waits
    for that lock: whoever moves the instant of the next try tells.
    """
    again = now + TRY_AGAIN
    if not RequestBreaker.objects.filter(tell_after__lte=now).update(tell_after=again):
        return False
    breaker = RequestBreaker.objects.get()
    addresses = _who_may(RESUMES_REQUESTS)
    told = _mailed(
        addresses,
        _words_about(breaker, now),
        reverse("admin:subscriptions_requestbreaker_change", args=[breaker.pk]),
        now,
        seed=f"breaker {breaker.tripped_at}",
    )
    if told or not addresses:
        RequestBreaker.objects.filter(tell_after=again).update(tell_after=None, told_at=now)
    return told


def _words_about(breaker: RequestBreaker, now: datetime) -> dict[str, object]:
    reason = ngettext(
        "Sign-ups and requests for a preferences link caused %(mails)d mail within an hour, which "
        "is the limit REQUESTED_MAILS_PER_HOUR.",
        "Sign-ups and requests for a preferences link caused %(mails)d mails within an hour, which "
        "is the limit REQUESTED_MAILS_PER_HOUR.",
        breaker.mails,
    )
    text = gettext(
        "Such requests are refused until %(time)s UTC. Then they are taken again, and nobody has "
        "to do anything. Digests go out as usual. Are these real people, because many have just "
        "heard of you? Then take requests again now, and raise the limit."
    )
    return {
        "subject": gettext("%(site)s: sign-ups are refused for an hour")
        % {"site": settings.SITE_NAME},
        "heading": gettext("Sign-ups are refused for an hour"),
        "text": text % {"time": f"{breaker.ends_at or now:%Y-%m-%d %H:%M}"},
        "reason": reason % {"mails": breaker.mails},
    }


def _tell(alert_id: int, now: datetime) -> bool:
    """Tell of one alert, its row locked meanwhile, so that of two schedulers one does."""
    with transaction.atomic():
        alert = _locked(Q(pk=alert_id, told_at=None))
        if alert is None:
            return False
        words = WORDS[alert.kind]
        named = _names(alert.edition)
        addresses = _who_may(words.who)
        told = _mailed_about(
            alert,
            addresses,
            {
                "subject": str(words.subject) % named,
                "heading": words.heading,
                "text": str(words.text) % named,
                "reason": clean_line(alert.reason),
            },
            now,
        )
        if told or not addresses:
            Alert.objects.filter(pk=alert_id).update(told_at=now)
        return told


def _tell_that_it_is_over(alert_id: int, now: datetime) -> bool:
    with transaction.atomic():
        alert = _locked(Q(pk=alert_id, told_at__isnull=False))
        if alert is None:
            return False
        edition = alert.edition
        named = _names(edition) | {
            "what": alert.get_kind_display(),
            "state": edition.get_state_display(),
        }
        addresses = _who_may(WORDS[alert.kind].who)
        told = _mailed_about(
            alert,
            addresses,
            {
                "subject": str(OVER_SUBJECT) % named,
                "heading": OVER_HEADING,
                "text": str(OVER_TEXT) % named,
                "books": books(edition).summary if edition.planned_at else "",
            },
            now,
        )
        if told or not addresses:
            alert.delete()
        return told


def _locked(wanted: Q) -> Alert | None:
    rows = Alert.objects.select_for_update(of=("self",), skip_locked=True)
    return rows.select_related("edition").defer("edition__statistics").filter(wanted).first()


def _who_may(permission: str) -> list[str]:
    """Return the addresses of staff with this permission."""
    able = User.objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    return list(
        able.filter(is_staff=True).exclude(email="").order_by("pk").values_list("email", flat=True)
    )


def _mailed_about(
    alert: Alert, addresses: list[str], said: Mapping[str, object], now: datetime
) -> bool:
    path = reverse("admin:newsletter_edition_change", args=[alert.edition_id])
    return _mailed(addresses, said, path, now, seed=f"{alert.pk} {alert.reason}")


def _mailed(
    addresses: list[str], said: Mapping[str, object], path: str, now: datetime, *, seed: str
) -> bool:
    """Mail all of them; return whether one mail was handed over.

    Args:
        path: the page of the desk that the mail links to.
        seed: what the Message-ID is made from, together with the subject and the address.
    """
    if not addresses:
        log.warning("nobody_to_tell", subject=said["subject"])
    context = about_the_sender() | {"desk_url": settings.SITE_URL + path} | dict(said)
    told = [address for address in addresses if _is_mailed(address, context, now, seed)]
    return bool(told)


def _is_mailed(address: str, context: dict[str, object], now: datetime, seed: str) -> bool:
    """Mail one person; return whether the mail was handed over."""
    try:
        hand_over(_notice(address, context, now, seed))
    except NotHandedOver as error:
        log.warning("staff_not_told", fate=error.fate.value, reason=error.reason)
        return False
    return True


def _notice(
    address: str, context: dict[str, object], now: datetime, seed: str
) -> EmailMultiAlternatives:
    name = hashlib.sha256(f"{seed} {context['subject']} {address}".encode()).hexdigest()[:24]
    return from_templates(
        "emails/staff_notice", context, to=address, name=f"notice-{name}", now=now
    )


def _names(edition: Edition) -> dict[str, str]:
    day = format_date(
        edition.day, "long", locale=locale_of(get_language() or settings.LANGUAGE_CODE)
    )
    weekly = edition.cadence == EditionCadence.WEEKLY
    named = gettext("weekly edition of %(day)s") if weekly else gettext("daily edition of %(day)s")
    return {"site": settings.SITE_NAME, "edition": named % {"day": day}}
