"""What nobody needs is deleted after a month; what someone needs stays."""

import pytest
import structlog.testing

from subscriptions import retention
from subscriptions.models import Letter, LetterState, Profile, SignUp, Subscriber, SubscriberState
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.retention import KEEP, forget
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from tests.newsletter import world
from tests.subscriptions.readers import DAY, NOW, a_letter, a_reader

pytestmark = pytest.mark.django_db


def test_a_sign_up_that_nobody_confirmed_is_forgotten_with_its_address():
    request_sign_up("ada@example.org", Choices(topics=(3,)), Schedule(), origin=NOWHERE, now=NOW)
    Letter.objects.update(state=LetterState.SENT)
    forget(NOW + KEEP)
    assert Subscriber.objects.exists()
    forget(NOW + KEEP + DAY)
    assert not Subscriber.objects.exists()
    assert not SignUp.objects.exists()
    assert not Profile.objects.exists()


def test_readers_and_their_profiles_stay():
    a_reader("active@example.org", choices=Choices(topics=(1,)))
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED, choices=Choices(topics=(2,)))
    forget(NOW + 2 * KEEP)
    assert Subscriber.objects.count() == 2
    assert Profile.objects.count() == 2


def test_a_letter_that_is_still_open_stays():
    reader = a_reader()
    a_letter(reader, state=LetterState.SENT)
    waiting = a_letter(reader)
    forget(NOW + 2 * KEEP)
    assert list(Letter.objects.all()) == [waiting]


def test_more_unconfirmed_readers_than_one_query_names_are_forgotten_day_by_day(monkeypatch):
    monkeypatch.setattr("subscriptions.retention.FORGOTTEN_AT_ONCE", 2)
    for number in range(3):
        a_reader(f"reader{number}@example.org", state=SubscriberState.PENDING)
    forget(NOW + 2 * KEEP)
    assert Subscriber.objects.count() == 1
    forget(NOW + 2 * KEEP + DAY)
    assert not Subscriber.objects.exists()


def test_one_who_cannot_be_forgotten_stops_no_other(monkeypatch):
    world.papers(2)
    edition = world.a_frozen_edition()
    kept = world.a_reader(1, state=SubscriberState.PENDING)
    for number in (2, 3):
        world.a_reader(number, state=SubscriberState.PENDING)
    edition.deliveries.create(
        subscriber=kept,
        batch=edition.batches.create(slot_at=world.NOON, send_after=world.NOON),
        status="skipped",
        reason="left",
        claimed_at=world.NOON,
    )
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(retention, "log", log)
    unused = Profile.objects.of(Choices(phrases=("long ago",)), now=world.NOON)
    assert forget(world.NOON + 2 * KEEP).subscribers == 2
    assert list(Subscriber.objects.all()) == [kept]
    assert not Profile.objects.filter(pk=unused.pk).exists()
    assert [call.kwargs for call in log.calls] == [{"readers": [kept.pk]}]
