"""The circuit breaker: pauses runs when too many readers complain or too many addresses bounce.

Mailbox providers trust a sender less, for weeks, who goes on then.
"""

from datetime import datetime

from django.conf import settings
from django.db.models import Max, Q

from newsletter.models import BEING_SENT, Edition, EventKind, ProviderEvent
from newsletter.sending.control import pause

OUTCOMES = (
    EventKind.DELIVERED,
    EventKind.SOFT_BOUNCE,
    EventKind.HARD_BOUNCE,
    EventKind.BLOCKED,
    EventKind.COMPLAINED,
)
AMONG_COMPLAINTS = 10_000
AMONG_BOUNCES = 1_000
"""How many of the newest outcomes are looked at."""


def trip_if_due(now: datetime) -> bool:
    """Pause every run under way if too many of the newest outcomes of digests are bad; staff are
    told, and let it go on. What was reported before staff last let a run go on counts no more.
    """
    running = Edition.objects.filter(state__in=BEING_SENT, paused_at=None)
    editions = [*running.order_by("pk").values_list("pk", flat=True)]
    reason = _reason() if editions else ""
    if reason:
        for edition_id in editions:
            pause(edition_id, reason, now, by_machine=True)
    return bool(reason)


def _reason() -> str:
    """Say what is wrong with the newest outcomes; empty if nothing is."""
    resumed_at = Edition.objects.aggregate(at=Max("resumed_at"))["at"]
    since = Q(received_at__gt=resumed_at) if resumed_at else Q()
    newest = (
        ProviderEvent.objects.filter(since, kind__in=OUTCOMES, delivery__isnull=False)
        .order_by("-pk")
        .values_list("kind", flat=True)
    )
    kinds = [*newest[:AMONG_COMPLAINTS]]
    complaints = kinds.count(EventKind.COMPLAINED)
    if (
        complaints >= settings.BREAKER_COMPLAINTS
        and complaints > settings.BREAKER_COMPLAINT_RATE * len(kinds)
    ):
        return f"{complaints} of the last {len(kinds)} outcomes are complaints"
    kinds = kinds[:AMONG_BOUNCES]
    bounces = kinds.count(EventKind.HARD_BOUNCE)
    if bounces >= settings.BREAKER_BOUNCES and bounces > settings.BREAKER_BOUNCE_RATE * len(kinds):
        return f"{bounces} of the last {len(kinds)} outcomes are bounces for good"
    return ""
