"""Leaving works at once and for good, with nothing but the database."""

import pytest

from subscriptions.leaving import UNDO, come_back, leave
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.signals import subscriber_left
from tests.subscriptions.readers import DAY, HOUR, NOW, a_reader

pytestmark = pytest.mark.django_db


def test_who_leaves_is_not_mailable_and_the_proof_is_kept():
    reader = a_reader(paused_until=NOW + DAY)
    leave(reader.pk, now=NOW, evidence="one-click unsubscribe, edition 4")
    reader.refresh_from_db()
    assert (reader.state, reader.left_at) == (SubscriberState.UNSUBSCRIBED, NOW)
    assert not Subscriber.objects.mailable(NOW).exists()
    assert list(reader.consents.values_list("kind", "evidence")) == [("left", "one-click unsubscribe, edition 4")]


def test_leaving_twice_is_leaving_once():
    reader = a_reader()
    leave(reader.pk, now=NOW, evidence="")
    leave(reader.pk, now=NOW + HOUR, evidence="")
    reader.refresh_from_db()
    assert reader.left_at == NOW
    assert reader.consents.count() == 1


def test_a_listener_that_fails_does_not_keep_a_reader(django_capture_on_commit_callbacks):
    def fail(**_kwargs):
        raise RuntimeError("broker down")

    reader = a_reader()
    subscriber_left.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            leave(reader.pk, now=NOW, evidence="")
    finally:
        subscriber_left.disconnect(fail)
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED


def test_a_mistake_can_be_undone_for_a_week():
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED, left_at=NOW)
    assert not come_back(reader.pk, now=NOW + UNDO)
    assert come_back(reader.pk, now=NOW + UNDO - HOUR)
    reader.refresh_from_db()
    assert (reader.state, reader.left_at) == (SubscriberState.ACTIVE, None)
    assert list(reader.consents.values_list("kind", flat=True)) == ["returned"]


@pytest.mark.parametrize("fields", [{"suppressed_at": NOW}, {"confirmed_at": None}])
def test_who_may_not_be_written_to_or_never_confirmed_does_not_come_back_by_undo(fields):
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED, left_at=NOW, **fields)
    assert not come_back(reader.pk, now=NOW + HOUR)


def test_leaving_of_nobody_is_no_error():
    leave(10**6, now=NOW, evidence="")
    assert not come_back(10**6, now=NOW)
