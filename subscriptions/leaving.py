"""Leaving, and coming back from a mistake. Both need the database and nothing else."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from subscriptions.letters import write
from subscriptions.models import (
    Consent,
    ConsentKind,
    LetterKind,
    RequestedBy,
    Subscriber,
    SubscriberState,
)
from subscriptions.signals import subscriber_left

UNDO = timedelta(days=7)
"""How long the page offers to undo leaving. After that a new sign-up asks the mailbox: a leave
link may have been forwarded.
"""


def leave(subscriber_id: int, *, now: datetime, evidence: str, goodbye: bool = False) -> None:
    """Unsubscribe a reader; one who has left, was erased or never existed is left as it is.

    What the reader chose, also a pause, stays for the case that they come back. Mail that is
    already planned does not go out either, since sending asks for the state at the moment of
    sending. With `goodbye` a confirmed reader gets one letter that says so. It is for people who
    pressed our own button: a mail program that posts the one click has told its user already, and
    a complaint or a bounce is answered with silence.
    """
    with transaction.atomic():
        reader = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
        staying = Subscriber.objects.filter(
            pk=subscriber_id, state__in=[SubscriberState.PENDING, SubscriberState.ACTIVE]
        )
        if reader is not None and staying.update(state=SubscriberState.UNSUBSCRIBED, left_at=now):
            if goodbye and reader.confirmed_at is not None:
                write(
                    reader,
                    LetterKind.GOODBYE,
                    now=now,
                    requested_by=RequestedBy.READER,
                    wake=False,
                )
            Consent.objects.create(
                subscriber_id=subscriber_id, kind=ConsentKind.LEFT, at=now, evidence=evidence
            )
            transaction.on_commit(
                lambda: subscriber_left.send_robust(
                    sender=Subscriber, subscriber_id=subscriber_id, at=now
                ),
                robust=True,
            )


def leave_all(subscriber_ids: Collection[int], *, now: datetime, evidence: str) -> None:
    """Unsubscribe many readers, silently, as `leave` does with one. The number of queries does not
    depend on theirs.
    """
    with transaction.atomic():
        staying = Subscriber.objects.filter(
            pk__in=subscriber_ids, state__in=[SubscriberState.PENDING, SubscriberState.ACTIVE]
        )
        leaving = [*staying.select_for_update().order_by("pk").values_list("pk", flat=True)]
        Subscriber.objects.filter(pk__in=leaving).update(
            state=SubscriberState.UNSUBSCRIBED, left_at=now
        )
        Consent.objects.bulk_create(
            Consent(subscriber_id=pk, kind=ConsentKind.LEFT, at=now, evidence=evidence)
            for pk in leaving
        )
        for pk in leaving:
            transaction.on_commit(
                partial(subscriber_left.send_robust, sender=Subscriber, subscriber_id=pk, at=now),
                robust=True,
            )


def may_come_back(reader: Subscriber, now: datetime) -> bool:
    """Say whether leaving can be undone: for a week, by someone who was a confirmed reader and
    may be written to.
    """
    return (
        reader.state == SubscriberState.UNSUBSCRIBED
        and reader.confirmed_at is not None
        and reader.suppressed_at is None
        and reader.left_at is not None
        and reader.left_at > now - UNDO
    )


def come_back(subscriber_id: int, *, now: datetime) -> bool:
    """Undo leaving; return whether the reader is active afterwards."""
    with transaction.atomic():
        reader = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
        if reader is None:
            return False
        if not may_come_back(reader, now):
            return reader.state == SubscriberState.ACTIVE
        Subscriber.objects.filter(pk=subscriber_id).update(
            state=SubscriberState.ACTIVE, left_at=None
        )
        Consent.objects.create(
            subscriber=reader, kind=ConsentKind.RETURNED, at=now, evidence="undo on the leave page"
        )
    return True
