"""A reader's word on a paper: more, or fewer, like this."""

from datetime import datetime

from django.db import transaction

from ingest.models import Paper
from newsletter.models import Click, Feedback
from newsletter.tracking.taste import said, taken_back, teach
from subscriptions.models import Subscriber
from subscriptions.taste import change_taste


def note_word(subscriber_id: int, paper: Paper, kind: str, now: datetime) -> None:
    """Record the word and learn from it. The latest word on a paper counts: another one before is
    taken back, the same one repeated changes nothing.
    """
    with transaction.atomic():
        Subscriber.objects.select_for_update().only("pk").get(pk=subscriber_id)
        before = Feedback.objects.filter(subscriber=subscriber_id, paper=paper).last()
        if before is not None and before.kind == kind:
            return
        Feedback.objects.create(subscriber_id=subscriber_id, paper=paper, kind=kind, at=now)
        undone = [taken_back(paper, before.kind, before.at.date())] if before else []
        teach(subscriber_id, [*undone, said(paper, kind, now.date())], now=now)


def forget_all(subscriber_id: int, now: datetime) -> None:
    """Forget everything a reader has taught: the taste, the words it was learned from, and
    clicks that were not judged yet.
    """
    with transaction.atomic():
        change_taste(subscriber_id, lambda _taste: b"", now=now)
        Feedback.objects.filter(subscriber=subscriber_id).delete()
        Click.objects.filter(delivery__subscriber=subscriber_id, counted=None).update(counted=False)
