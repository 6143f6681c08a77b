"""What the product holds about readers, for the privacy registry."""

import struct
from typing import Any

from django.db.models import Q, QuerySet

from newsletter.models import Click, Delivery, Feedback, MailedHistory, ProviderEvent
from newsletter.ranking.taste import UnreadableTaste, describe
from subscriptions.models import Subscriber
from subscriptions.registry import Holding, register
from subscriptions.suppression import address_hashes

ERASED_REASON = "erased with the reader"
_OFFSET = struct.Struct("<H")


def register_holdings() -> None:
    """Tell the registry about deliveries, what came back for them, feedback and the mailed
    history.
    """
    register(
        Holding(
            "clicks",
            _export_clicks,
            lambda reader: Click.objects.filter(delivery__subscriber=reader).delete()[0],
        )
    )
    register(
        Holding(
            "provider_events",
            _export_events,
            lambda reader: _events_about(reader).delete()[0],
        )
    )
    register(
        Holding(
            "feedback",
            _export_feedback,
            lambda reader: Feedback.objects.filter(subscriber=reader).delete()[0],
        )
    )
    register(Holding("taste", _export_taste, lambda _reader: 0))  # it goes with the profile
    register(
        Holding(
            "mailed_history",
            _export_history,
            lambda reader: MailedHistory.objects.filter(subscriber=reader).delete()[0],
        )
    )
    register(Holding("deliveries", _export_deliveries, _empty_deliveries))


def _export_clicks(reader: Subscriber) -> list[dict[str, Any]]:
    clicks = Click.objects.filter(delivery__subscriber=reader).order_by("pk")
    return [
        {"paper": click.paper_id, "at": click.at.isoformat(), "counted": click.counted}
        for click in clicks
    ]


def _events_about(reader: Subscriber) -> QuerySet[ProviderEvent]:
    """Return the events of the reader's mails, and all others of their address."""
    at_address = Q(address_hash__in=address_hashes(reader.address)) if reader.address else Q()
    of_mails = Q(delivery__in=Delivery.objects.filter(subscriber=reader))
    return ProviderEvent.objects.filter(of_mails | at_address)


def _export_events(reader: Subscriber) -> list[dict[str, Any]]:
    events = _events_about(reader).order_by("pk")
    return [
        {"kind": event.kind, "provider": event.provider, "received": event.received_at.isoformat()}
        for event in events
    ]


def _export_feedback(reader: Subscriber) -> list[dict[str, Any]]:
    words = Feedback.objects.filter(subscriber=reader).select_related("paper").order_by("pk")
    return [
        {"paper": word.paper.title, "kind": word.kind, "at": word.at.isoformat()} for word in words
    ]


def _export_taste(reader: Subscriber) -> list[dict[str, Any]]:
    try:
        return [
            {"words": wording, "weight": round(weight, 2)}
            for wording, weight in describe(bytes(reader.profile.taste))
        ]
    except UnreadableTaste:
        return [{"bytes": bytes(reader.profile.taste).hex()}]


def _export_history(reader: Subscriber) -> list[dict[str, Any]]:
    """List the ids of mailed papers, those of a bucket in the order of mailing: its offsets are
    16-bit little-endian integers (newsletter.models.delivery).
    """
    rows = MailedHistory.objects.filter(subscriber=reader).order_by("bucket")
    return [
        {
            "papers": [
                row.bucket * MailedHistory.BUCKET + offset
                for (offset,) in _OFFSET.iter_unpack(bytes(row.offsets))
            ]
        }
        for row in rows
    ]


def _export_deliveries(reader: Subscriber) -> list[dict[str, Any]]:
    deliveries = (
        Delivery.objects.filter(subscriber=reader)
        .select_related("edition")
        .defer("edition__statistics")
        .order_by("pk")
    )
    return [
        {
            "edition": str(delivery.edition),
            "status": delivery.status,
            "outcome": delivery.outcome,
            "papers": delivery.papers,
            "settled": delivery.settled_at.isoformat() if delivery.settled_at else None,
        }
        for delivery in deliveries
    ]


def _empty_deliveries(reader: Subscriber) -> int:
    """Keep the rows, which the books of past editions count, without what the reader was mailed
    and why, and without what a provider said about the mail.
    """
    deliveries = Delivery.objects.filter(subscriber=reader)
    deliveries.exclude(reason="").update(reason=ERASED_REASON)
    return deliveries.update(profile=None, papers=[], parts=[])
