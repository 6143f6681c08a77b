"""Clicks: links that were followed, measured when it happens and counted later, once it shows
whether a machine did it.

Mail filters open the links of a mail themselves: at once when it arrives, several in a row, with
HEAD or with the user agent of a common browser. Opening a link changes nothing a reader chose; a
click that a person is likely to have made teaches a little.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from newsletter.faults import CONCERNS_ALL
from newsletter.models import Click, Delivery
from newsletter.ranking.taste import TasteEvent
from newsletter.tracking.taste import clicked, teach

log = structlog.get_logger(__name__)

TOO_SOON = timedelta(seconds=60)
"""After the hand-over: nobody reads a mail so fast, and filters look at it on arrival."""
BURST = timedelta(seconds=20)
BURST_PAPERS = 3
"""Whoever opens this many papers of one mail within a burst does not read them."""
SETTLED_AFTER = timedelta(minutes=2)
"""A click is judged when what came right after it is known too."""
JUDGED_AT_ONCE = 500
MOST_A_DELIVERY = 200
"""A machine that comes back for ever fills no table."""
_MACHINES = (
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "monitor",
    "python",
    "curl",
    "wget",
    "headless",
    "barracuda",
    "mimecast",
    "proofpoint",
    "safelinks",
    "facebookexternalhit",
    "imageproxy",
)


def record_click(
    delivery: Delivery, paper_id: int, headers: Mapping[str, str], now: datetime
) -> None:
    """Write down that a link was followed, unless the request says itself that no person looks
    at the answer, or that this person does not want to be tracked.
    """
    if says_machine(headers) or refuses_tracking(headers):
        return
    if delivery.clicks.count() < MOST_A_DELIVERY:
        Click.objects.create(delivery=delivery, paper_id=paper_id, at=now)


def says_machine(headers: Mapping[str, str]) -> bool:
    """Say whether a request is a prefetch (`Sec-Purpose`, `Purpose`, `X-Moz`) or names a
    machine, or nothing, as its user agent.
    """
    purpose = " ".join(
        headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz")
    ).lower()
    agent = headers.get("User-Agent", "").lower()
    return (
        "prefetch" in purpose
        or "preview" in purpose
        or not agent
        or any(name in agent for name in _MACHINES)
    )


def refuses_tracking(headers: Mapping[str, str]) -> bool:
    """Say whether a browser asks not to track its user: by Global Privacy Control, or by the older
    Do Not Track.
    """
    return "1" in (headers.get("Sec-GPC"), headers.get("DNT"))


def judge_clicks(now: datetime) -> int:
    """Judge the clicks that have settled, let the counted ones teach, and return how many were
    counted. Safe to repeat.

    Clicks that cannot be judged, or nothing can be learned from, do not count, and the next call
    does not meet them again.
    """
    before = now - SETTLED_AFTER
    waiting = Click.objects.filter(counted=None, at__lte=before).order_by("at", "pk")
    deliveries = list(dict.fromkeys(waiting.values_list("delivery", flat=True)[:JUDGED_AT_ONCE]))
    counted = 0
    for delivery_id in deliveries:
        try:
            counted += _judge(delivery_id, before, now)
        except CONCERNS_ALL:
            raise
        except Exception:
            log.exception("clicks_not_judged", delivery=delivery_id)
            waiting.filter(delivery=delivery_id).update(counted=False)
    return counted


def _judge(delivery_id: int, before: datetime, now: datetime) -> int:
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        clicks = list(delivery.clicks.select_related("paper").order_by("at", "pk"))
        counted = [
            click
            for click in _by_people(delivery, clicks)
            if click.counted is None and click.at <= before
        ]
        delivery.clicks.filter(counted=None, at__lte=before).update(counted=False)
        Click.objects.filter(pk__in=[click.pk for click in counted]).update(counted=True)
        if counted:
            teach(delivery.subscriber_id, [_lesson(click) for click in counted], now=now)
    return len(counted)


def _lesson(click: Click) -> TasteEvent:
    return clicked(click.paper, click.at.date())


def _by_people(delivery: Delivery, clicks: Sequence[Click]) -> list[Click]:
    """Return the first click on each paper that a person is likely to have made."""
    handed_over = delivery.settled_at or delivery.claimed_at
    first: dict[int, Click] = {}
    for click in clicks:
        if click.at - handed_over >= TOO_SOON and not _in_burst(click, clicks):
            first.setdefault(click.paper_id, click)
    return list(first.values())


def _in_burst(click: Click, clicks: Sequence[Click]) -> bool:
    """Say whether some span of `BURST` around the click has too many papers in it."""
    starts = [other.at for other in clicks if timedelta() <= click.at - other.at <= BURST]
    return any(
        len({other.paper_id for other in clicks if start <= other.at <= start + BURST})
        >= BURST_PAPERS
        for start in starts
    )
