"""Limits on transactional mail, so that nobody can fill a stranger's mailbox through us.

- A mailbox gets one mail of a kind an hour and three of all kinds a day that others than its owner
  can ask for. All spellings of an address that reach one mailbox count together.
- A network may make so many requests an hour and a day, and the wider network around it some more.
- All strangers together may cause so many mails an hour; then a breaker refuses their requests for
  an hour, and staff are told.
- What a reader causes by a signed link, and what staff send, is counted for that reader alone.

A mail counts when it reached a provider or may still do so. One that failed before does not: who
asks again gets another, within a limit on attempts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    RequestBreaker,
    RequestedBy,
    Subscriber,
)
from subscriptions.models.letter import OPEN_STATES, LetterQuerySet
from subscriptions.models.request_breaker import NOTICE_EVERY, REST
from subscriptions.origins import NOWHERE, Origin

log = structlog.get_logger(__name__)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_HOUR, PER_DAY = 1, 3
"""Mails to one mailbox: of one kind an hour, and of all kinds a day."""
ATTEMPTS_PER_DAY = 24
"""How often a day mails to one mailbox are tried at most before another is written: what three
mails take that fail at every attempt. So who asks again and again does not make us build mails
without end.
"""
CHANGES_PER_DAY = 10
"""How often a day a reader may ask to move to another address."""
_LOOK_BACK = timedelta(days=2)
"""A mail written before has reached a provider more than a day ago, or never will."""


class Scope(Enum):
    """Whose requests were too many."""

    NETWORK = "network"
    READER = "reader"
    EVERYBODY = "everybody"


class TooManyRequests(Exception):
    """A request is refused, whatever the address in it: that says nothing about any address."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"too many requests: {scope.value}")
        self.scope = scope


@contextmanager
def admitted(origin: Origin, now: datetime) -> Iterator[None]:
    """Open the transaction of a request that anybody can make, if the limits allow it.

    Raises:
        TooManyRequests: they do not; nothing of the request is stored.
    """
    with transaction.atomic():
        refused = _refused(RequestBreaker.objects.locked(), origin, now)
        if refused is None:
            yield
    if refused is not None:
        raise TooManyRequests(refused)


def check_reader(reader: Subscriber, now: datetime) -> None:
    """Refuse a reader who asked too often to move to another address.

    Raises:
        TooManyRequests: they did.
    """
    asked = Letter.objects.filter(address_change__subscriber=reader, created_at__gt=now - DAY)
    if asked.exclude(kind=LetterKind.ADDRESS_CHANGED).count() >= CHANGES_PER_DAY:
        raise TooManyRequests(Scope.READER)


def resume(*, now: datetime) -> bool:
    """Take requests of strangers again before the breaker would; False if it takes them already."""
    with transaction.atomic():
        breaker = RequestBreaker.objects.locked()
        if not breaker.is_refusing(now):
            return False
        RequestBreaker.objects.update(resumed_at=now, tell_after=None)
    return True


def _refused(breaker: RequestBreaker, origin: Origin, now: datetime) -> Scope | None:
    if _is_too_busy(origin, now):
        return Scope.NETWORK
    if breaker.is_refusing(now):
        return Scope.EVERYBODY
    limit = settings.REQUESTED_MAILS_PER_HOUR
    since = max(now - HOUR, breaker.resumed_at or now - HOUR)
    mails = Letter.objects.filter(requested_by=RequestedBy.ANYONE, created_at__gt=since)
    if not limit or mails.exclude(state=LetterState.WITHHELD)[:limit].count() < limit:
        return None
    _trip(breaker, limit, now)
    return Scope.EVERYBODY


def _trip(breaker: RequestBreaker, mails: int, now: datetime) -> None:
    told_lately = breaker.told_at is not None and now - NOTICE_EVERY < breaker.told_at <= now
    RequestBreaker.objects.update(
        tripped_at=now, resumed_at=None, mails=mails, tell_after=None if told_lately else now
    )
    log.error("request_breaker_tripped", mails=mails, until=now + REST)


def _is_too_busy(origin: Origin, now: datetime) -> bool:
    """Say whether either network of a client asked too often. Every request counts, whether it
    caused a mail or not.
    """
    if origin == NOWHERE:
        return False
    last_hour, near = Q(created_at__gt=now - HOUR), Q(requested_from=origin.near)
    asked = Letter.objects.filter(
        requested_from_wide=origin.wide, created_at__gt=now - DAY
    ).aggregate(
        near_hour=Count("pk", filter=near & last_hour),
        near_day=Count("pk", filter=near),
        wide_hour=Count("pk", filter=last_hour),
        wide_day=Count("pk"),
    )
    limits = {
        "near_hour": settings.NETWORK_REQUESTS_PER_HOUR,
        "near_day": settings.NETWORK_REQUESTS_PER_DAY,
        "wide_hour": settings.WIDE_NETWORK_REQUESTS_PER_HOUR,
        "wide_day": settings.WIDE_NETWORK_REQUESTS_PER_DAY,
    }
    return any(limit and asked[name] >= limit for name, limit in limits.items())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why one more mail is withheld, empty if it is not; and which earlier ones it replaces, that
    wait for another attempt.
    """

    reason: str
    replaces: tuple[int, ...] = ()


def judge(
    counted: LetterQuerySet,
    subscriber: Subscriber | None,
    kind: LetterKind,
    *,
    per_day: int,
    now: datetime,
) -> Verdict:
    """Say whether one more mail may be written beside those that count together with it.

    The caller holds a lock under which no other mail can be added to them.
    """
    past = list(counted.tried_or_open().filter(created_at__gt=now - _LOOK_BACK))
    replaced = [
        letter
        for letter in past
        if letter.kind == kind
        and subscriber is not None
        and letter.subscriber_id == subscriber.pk
        and letter.state == LetterState.WAITING
        and letter.attempts
    ]
    others = [letter for letter in past if letter not in replaced]
    alike = [letter for letter in others if letter.kind == kind]
    if sum(_reached_or_written(letter, now - HOUR) for letter in alike) >= PER_HOUR:
        return Verdict(f"limit reached: {PER_HOUR} of this kind an hour")
    # All that are still to reach a provider count, so that no outage adds to the mails of a day.
    if sum(_reached(letter, now - DAY) or _is_open(letter) for letter in others) >= per_day:
        return Verdict(f"limit reached: {per_day} a day")
    attempts = sum(letter.attempts for letter in past if letter.created_at > now - DAY)
    if attempts >= ATTEMPTS_PER_DAY:
        return Verdict("limit reached: too many failed attempts within a day")
    return Verdict("", tuple(letter.pk for letter in replaced))


def _reached_or_written(letter: Letter, since: datetime) -> bool:
    return _reached(letter, since) or (_is_open(letter) and letter.created_at > since)


def _reached(letter: Letter, since: datetime) -> bool:
    return letter.reached_at is not None and letter.reached_at > since


def _is_open(letter: Letter) -> bool:
    return letter.state in OPEN_STATES
