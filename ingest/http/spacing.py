"""Turns: one request at a time to a host, spaced, over all workers and restarts.

A turn is taken by a conditional UPDATE of the host's row and given back after the answer. A worker
that dies in between holds it for HOLD, no longer. Nothing here waits: who cannot have the turn is
told when to come again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import models, transaction
from django.db.models import Q

from ingest.http import backoff
from ingest.http.waits import LONGEST_WAIT
from ingest.models import HostPace

HOLD = timedelta(minutes=2)
"""How long a turn lasts that nobody gives back: longer than any visit, and than the time limit
of a task.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a host likes to be asked: the pause after each request, and where backing off begins."""

    spacing: timedelta
    backoff_base: timedelta


USUAL_PACE = Pace(timedelta(seconds=1), backoff.BASE)
PACES = {
    # One request per 3 seconds and one connection, over RSS, API and OAI-PMH together (arXiv's
    # terms of use for its APIs). It throttles for minutes, whoever asks, and does not say how long.
    "arxiv.org": Pace(timedelta(seconds=3), timedelta(minutes=1)),
}
"""Hosts with a pace of their own. Each counts as one with all its subdomains."""


def group_of(url: str) -> str:
    """Return the name under which an address takes turns: its host, or the domain in PACES that
    it belongs to.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    return next((domain for domain in PACES if host == domain or host.endswith(f".{domain}")), host)


def pace_of(url: str) -> Pace:
    """Return how the host of an address likes to be asked."""
    return PACES.get(group_of(url), USUAL_PACE)


def take_turn(url: str, now: datetime) -> datetime | None:
    """Take the turn at the host of `url` and return None, or return the instant at which to come
    again.

    The turn is given back with `end_turn`. It is committed before this returns, so that no
    transaction is open while we ask.

    Raises:
        RuntimeError: inside a transaction.
    """
    host = group_of(url)
    with transaction.atomic(durable=True):
        HostPace.objects.bulk_create([HostPace(host=host, next_at=now)], ignore_conflicts=True)
        if _free(host, now).update(next_at=now + HOLD, cool_down_until=None):
            return None
        pace = HostPace.objects.get(host=host)
    return max(pace.next_at, pace.cool_down_until or pace.next_at)


def end_turn(url: str, taken_at: datetime, now: datetime) -> None:
    """Give back the turn that was taken at `taken_at`; the next one begins after the host's pause.

    A turn that has run out and was taken by another worker is left to them.
    """
    HostPace.objects.filter(host=group_of(url), next_at=taken_at + HOLD).update(
        next_at=now + pace_of(url).spacing
    )


def cool_down(url: str, until: datetime) -> None:
    """Let nobody ask the host of `url` before `until`, once its turn was ever taken; a longer
    cool-down already set stays.
    """
    held = Q(cool_down_until=None) | Q(cool_down_until__lt=until)
    HostPace.objects.filter(held, host=group_of(url)).update(cool_down_until=until)


def _free(host: str, now: datetime) -> models.QuerySet[HostPace]:
    """Select the row if its turn is free. What lies further ahead than we ever set it was set by
    a clock that has since been put back.
    """
    turn = Q(next_at__lte=now) | Q(next_at__gt=now + HOLD)
    warm = (
        Q(cool_down_until=None)
        | Q(cool_down_until__lte=now)
        | Q(cool_down_until__gt=now + LONGEST_WAIT)
    )
    return HostPace.objects.filter(turn, warm, host=host)
