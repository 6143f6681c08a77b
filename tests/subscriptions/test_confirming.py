"""Confirming makes a reader, once, with the choices of that sign-up."""

import pytest

from subscriptions import leaving
from subscriptions.confirming import confirm, is_confirmed
from subscriptions.models import SignUp, Subscriber, SubscriberState
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signals import subscriber_confirmed
from subscriptions.signup import request_sign_up
from tests.subscriptions.readers import HOUR, NOW, a_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    calls = []

    def listen(sender, subscriber_id, at, **_kwargs):
        calls.append((subscriber_id, at))

    subscriber_confirmed.connect(listen)
    yield calls
    subscriber_confirmed.disconnect(listen)


def a_sign_up(
    address="ada@example.org",
    choices=Choices(topics=(3,)),  # noqa: B008 - a frozen value
    schedule=Schedule(hour=6, timezone="Asia/Tokyo"),  # noqa: B008 - a frozen value
    now=NOW,
):
    request_sign_up(address, choices, schedule, origin=NOWHERE, now=now)
    return SignUp.objects.latest("pk")


def test_the_reader_is_active_with_what_they_chose(heard):
    sign_up = a_sign_up()
    assert is_confirmed(sign_up.pk) is False
    assert confirm(sign_up.pk, now=NOW + HOUR)
    reader = Subscriber.objects.get()
    assert (reader.state, reader.confirmed_at, reader.hour, reader.timezone) == (
        SubscriberState.ACTIVE,
        NOW + HOUR,
        6,
        "Asia/Tokyo",
    )
    assert reader.profile.topics == [3]
    assert heard == [(reader.pk, NOW + HOUR)]
    assert is_confirmed(sign_up.pk) is True


def test_confirming_again_changes_nothing(heard):
    sign_up = a_sign_up()
    confirm(sign_up.pk, now=NOW)
    Subscriber.objects.update(hour=20)
    assert confirm(sign_up.pk, now=NOW + HOUR)
    assert Subscriber.objects.get().hour == 20
    assert len(heard) == 1


def test_an_old_confirmation_does_not_bring_back_who_left(heard):
    sign_up = a_sign_up()
    confirm(sign_up.pk, now=NOW)
    leaving.leave(sign_up.subscriber_id, now=NOW + HOUR, evidence="test")
    confirm(sign_up.pk, now=NOW + 2 * HOUR)
    assert Subscriber.objects.get().state == SubscriberState.UNSUBSCRIBED


def test_a_new_sign_up_brings_back_who_left(heard):
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED)
    confirm(a_sign_up().pk, now=NOW)
    reader.refresh_from_db()
    assert (reader.state, reader.left_at) == (SubscriberState.ACTIVE, None)
    assert heard == [(reader.pk, NOW)]


def test_a_sign_up_that_is_gone_is_told(heard):
    assert not confirm(10**6, now=NOW)
    assert is_confirmed(10**6) is None


def test_a_listener_that_fails_undoes_the_confirmation_so_that_it_can_be_repeated():
    def fail(**_kwargs):
        raise RuntimeError("no edition")

    sign_up = a_sign_up()
    subscriber_confirmed.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            confirm(sign_up.pk, now=NOW)
    finally:
        subscriber_confirmed.disconnect(fail)
    assert is_confirmed(sign_up.pk) is False
    assert Subscriber.objects.get().state == SubscriberState.PENDING
