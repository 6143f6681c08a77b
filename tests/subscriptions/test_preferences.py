"""Changing preferences makes a new version, keeps what was learned, and leaves a trace."""

from dataclasses import replace
from datetime import timedelta

import pytest

from subscriptions.models import Profile, Subscriber, SubscriberState
from subscriptions.models.profile import Choices
from subscriptions.preferences import change
from subscriptions.schedule import Schedule
from tests.subscriptions.readers import NOW, a_reader

pytestmark = pytest.mark.django_db
WANTED = Choices(
    topics=(1, 2),
    phrases=("tree search",),
    muted=("survey",),
    minimum_votes=3,
    papers_per_digest=7,
    balance=60,
)


def test_new_choices_are_a_new_version_and_the_old_one_stays():
    reader = a_reader(choices=Choices(topics=(9,)))
    old = reader.profile
    assert change(reader.pk, WANTED, Schedule(hour=6), None, now=NOW)
    reader.refresh_from_db()
    assert reader.profile.choices == WANTED
    assert Profile.objects.get(pk=old.pk).choices == Choices(topics=(9,))
    assert [(consent.kind, consent.evidence) for consent in reader.consents.all()] == [
        ("changed", "preferences page: hour, profile")
    ]


def test_what_was_learned_is_carried_over():
    reader = a_reader()
    Subscriber.objects.update(profile=Profile.objects.of(Choices(), now=NOW, taste=b"learned"))
    change(reader.pk, WANTED, Schedule(), None, now=NOW)
    reader.refresh_from_db()
    assert bytes(reader.profile.taste) == b"learned"


def test_saving_what_is_stored_leaves_no_trace():
    reader = a_reader(choices=WANTED)
    change(reader.pk, WANTED, Schedule(), None, now=NOW)
    assert not reader.consents.exists()


def test_a_pause_is_on_record_and_ends_by_itself():
    reader = a_reader(choices=WANTED)
    change(reader.pk, WANTED, Schedule(), NOW + timedelta(days=3), now=NOW)
    assert list(reader.consents.values_list("kind", flat=True)) == ["paused"]
    assert not Subscriber.objects.mailable(NOW).exists()
    assert Subscriber.objects.mailable(NOW + timedelta(days=3)).exists()


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING])
def test_only_an_active_reader_has_preferences(state):
    reader = a_reader(state=state)
    assert not change(reader.pk, replace(WANTED, balance=1), Schedule(), None, now=NOW)


def test_equal_choices_are_one_row():
    first, second = (
        a_reader("a@example.org", choices=WANTED),
        a_reader("b@example.org", choices=WANTED),
    )
    assert first.profile_id == second.profile_id
