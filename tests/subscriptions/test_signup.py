"""Anyone may ask for any address; only that mailbox is asked back, seldom, and the answer tells
nothing.
"""

import itertools
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscriptions import letters
from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    SignUp,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import Origin
from subscriptions.schedule import Schedule
from subscriptions.signup import request_preferences, request_sign_up
from subscriptions.suppression import suppress
from tests.subscriptions.readers import DAY, HOUR, NOW, a_reader

pytestmark = pytest.mark.django_db
origins = (Origin(f"network {number}", f"wide {number}") for number in itertools.count())


def ask(address="ada@example.org", now=NOW, origin=None):
    request_sign_up(
        address, Choices(topics=(1,)), Schedule(), origin=origin or next(origins), now=now
    )


def waiting():
    return Letter.objects.filter(state=LetterState.WAITING)


def mailed(now):
    """Send what is due; return how many mails there have been."""
    for letter_id in letters.sweep(now):
        letters.send(letter_id, lambda: now)
    return len(mail.outbox)


def test_a_stranger_becomes_pending_and_gets_one_confirmation():
    ask("Ada@Example.org")
    reader = Subscriber.objects.get()
    assert (reader.address, reader.address_key, reader.state) == (
        "Ada@Example.org",
        "ada@example.org",
        SubscriberState.PENDING,
    )
    letter = Letter.objects.get()
    assert (letter.kind, letter.state, letter.sign_up) == (
        LetterKind.CONFIRM,
        LetterState.WAITING,
        SignUp.objects.get(),
    )
    assert list(reader.consents.values_list("kind", flat=True)) == ["requested"]


def test_another_spelling_is_the_same_reader():
    ask("ada@example.org")
    ask("ADA@EXAMPLE.ORG")
    assert Subscriber.objects.count() == 1


def test_an_active_reader_gets_the_way_to_their_preferences_and_stays_as_they_are():
    reader = a_reader(choices=Choices(topics=(9,)))
    ask()
    assert Letter.objects.get().kind == LetterKind.SIGN_UP_AGAIN
    reader.refresh_from_db()
    assert reader.profile.topics == [9]


def test_who_left_stays_away_until_they_confirm():
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED)
    ask()
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED
    assert Letter.objects.get().kind == LetterKind.CONFIRM


def test_500_requests_for_one_address_mail_it_once_an_hour_and_three_times_a_day():
    for number in range(500):
        ask(now=NOW + timedelta(seconds=number))
    assert mailed(NOW + timedelta(minutes=9)) == 1
    for hour in range(1, 24):
        ask(now=NOW + hour * HOUR + timedelta(minutes=9))
        mailed(NOW + hour * HOUR + timedelta(minutes=9))
    assert len(mail.outbox) == 3
    ask(now=NOW + DAY + 2 * HOUR)
    assert mailed(NOW + DAY + 2 * HOUR) == 4
    assert set(
        Letter.objects.filter(state=LetterState.WITHHELD).values_list("error", flat=True)
    ) == {
        "limit reached: 1 of this kind an hour",
        "limit reached: 3 a day",
    }


def test_a_suppressed_address_is_never_mailed():
    suppress("ada@example.org", SuppressionReason.HARD_BOUNCE, now=NOW)
    ask("ADA@example.org")
    assert Letter.objects.get().state == LetterState.WITHHELD
    assert Subscriber.objects.get().suppressed_at == NOW


def test_known_and_unknown_addresses_take_the_same_steps():
    a_reader("active@example.org")
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED)
    suppress("complained@example.org", SuppressionReason.COMPLAINT, now=NOW)
    ask("warm@example.org")  # the profile is stored now
    counts = set()
    for address in (
        "new@example.org",
        "active@example.org",
        "left@example.org",
        "complained@example.org",
        "warm@example.org",
    ):
        with CaptureQueriesContext(connection) as queries:
            ask(address)
        counts.add(len(queries))
    assert len(counts) == 1


def test_asking_for_preferences_mails_readers_only_and_takes_the_same_steps():
    a_reader()
    request_preferences("warm@example.org", origin=next(origins), now=NOW)
    with CaptureQueriesContext(connection) as known:
        request_preferences("ada@example.org", origin=next(origins), now=NOW)
    with CaptureQueriesContext(connection) as unknown:
        request_preferences("bob@example.org", origin=next(origins), now=NOW)
    assert len(known) == len(unknown)
    assert waiting().get().kind == LetterKind.PREFERENCES
    assert Letter.objects.filter(subscriber=None, state=LetterState.WITHHELD).count() == 2
