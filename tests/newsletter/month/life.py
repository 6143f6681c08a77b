"""Living through days: sources are read in the evening, editions open and freeze, mail goes out
hour by hour, readers answer.
"""

from datetime import UTC, datetime, time, timedelta

from ingest.known_sources import source_named
from ingest.models import Paper
from ingest.recording import record
from ingest.sources import huggingface
from newsletter.clock import ticking
from newsletter.editions.archive import refit_when_due
from newsletter.editions.day import look_after_editions
from newsletter.models import Delivery, DeliveryStatus, Edition, EditionState
from newsletter.sending.due import due_batches
from newsletter.sending.plan import plan_edition
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.tracking.feedback import note_word

EVENING = time(17)


def read_lists(listed_day):
    """The evening's reading of one day."""
    seen_at = datetime.combine(listed_day.day, EVENING, UTC)
    record(
        source_named("huggingface"),
        huggingface.parse(listed_day.content, seen_at=seen_at),
        now=seen_at,
        origin="the evening's reading",
        body=listed_day.content,
    )


def calendar(listed_days):
    """Each day from the first list to the day after the last, with its list where it has one."""
    lists = {listed.day: listed for listed in listed_days}
    first, last = listed_days[0].day, listed_days[-1].day + timedelta(days=1)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield day, lists.get(day)


def live(day, listed_day, opinionated=()):
    """One day from before its edition opens to the next night. The day's list is read in its
    evening: its own edition knows nothing of it.

    `opinionated` readers say "more like this" of the first paper of each digest and "fewer" of the
    last.
    """
    start = datetime.combine(day, time(2), UTC)  # when the review of the day's edition begins
    refit_when_due(start)
    for hour in range(24):
        now = start + timedelta(hours=hour)
        if now.time() == EVENING and listed_day is not None:
            read_lists(listed_day)
        look_after_editions(now)
        for edition_id in Edition.objects.filter(state=EditionState.FROZEN).values_list(
            "pk", flat=True
        ):
            plan_edition(edition_id, now)
        for batch_id in due_batches(now):
            send_batch(batch_id, ticking(now))
        sweep(now + timedelta(minutes=10))
    _answer(start, opinionated)


def _answer(start, opinionated):
    today = Delivery.objects.filter(
        subscriber__in=opinionated, claimed_at__gte=start, status=DeliveryStatus.SENT
    )
    for delivery in today.order_by("pk"):
        if len(delivery.papers) > 1:
            papers = Paper.objects.in_bulk(delivery.papers)
            note_word(
                delivery.subscriber_id,
                papers[delivery.papers[0]],
                "more",
                start + timedelta(hours=20),
            )
            note_word(
                delivery.subscriber_id,
                papers[delivery.papers[-1]],
                "fewer",
                start + timedelta(hours=20),
            )
