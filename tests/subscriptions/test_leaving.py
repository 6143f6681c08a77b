"""Leaving works at once and for good, with nothing but the database."""

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from subscriptions import letters
from subscriptions.leaving import UNDO, come_back, leave
from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.signals import subscriber_left
from subscriptions.suppression import suppress
from subscriptions.tokens import Power, sign
from tests.subscriptions.readers import DAY, HOUR, NOW, a_reader

pytestmark = pytest.mark.django_db


def test_who_leaves_is_not_mailable_and_the_proof_is_kept():
    reader = a_reader(paused_until=NOW + DAY)
    leave(reader.pk, now=NOW, evidence="one-click unsubscribe, edition 4")
    reader.refresh_from_db()
    assert (reader.state, reader.left_at) == (SubscriberState.UNSUBSCRIBED, NOW)
    assert not Subscriber.objects.mailable(NOW).exists()
    assert list(reader.consents.values_list("kind", "evidence")) == [
        ("left", "one-click unsubscribe, edition 4")
    ]


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


def test_who_comes_back_has_the_pause_they_had():
    reader = a_reader(paused_until=NOW + DAY)
    leave(reader.pk, now=NOW, evidence="")
    assert come_back(reader.pk, now=NOW + HOUR)
    reader.refresh_from_db()
    assert reader.paused_until == NOW + DAY


@pytest.mark.parametrize("fields", [{"suppressed_at": NOW}, {"confirmed_at": None}])
def test_who_may_not_be_written_to_or_never_confirmed_does_not_come_back_by_undo(fields):
    reader = a_reader(state=SubscriberState.UNSUBSCRIBED, left_at=NOW, **fields)
    assert not come_back(reader.pk, now=NOW + HOUR)


def test_leaving_of_nobody_is_no_error():
    leave(10**6, now=NOW, evidence="")
    assert not come_back(10**6, now=NOW)


def pressed(client, reader):
    """Let the reader press the button on the leave page."""
    page = {"page": sign(Power.LEAVE_PAGE, reader.pk, now=timezone.now())}
    return client.post(reverse("leave_by_button", args=[sign(Power.LEAVE, reader.pk, 0)]), page)


def sent_letters(now=NOW) -> list[str]:
    """Send what is due and return its subjects."""
    for letter_id in letters.sweep(now):
        letters.send(letter_id, lambda: now)
    return [message.subject for message in mail.outbox]


def test_who_pressed_the_button_gets_one_goodbye_with_the_way_back(client):
    reader = a_reader()
    pressed(client, reader)
    pressed(client, reader)
    letter = Letter.objects.get()
    assert letter.kind == LetterKind.GOODBYE
    assert sent_letters(letter.send_after) == ["You have left Paperboy"]
    assert sent_letters(letter.send_after + DAY) == ["You have left Paperboy"]
    assert "/u/" in mail.outbox[0].body


def test_a_mail_programs_one_click_gets_no_goodbye(client):
    reader = a_reader()
    client.post(
        reverse("leave", args=[sign(Power.LEAVE, reader.pk, 0)]), {"List-Unsubscribe": "One-Click"}
    )
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED
    assert not Letter.objects.exists()


def test_who_never_confirmed_gets_no_goodbye():
    reader = a_reader(state=SubscriberState.PENDING)
    leave(reader.pk, now=NOW, evidence="", goodbye=True)
    assert not Letter.objects.exists()


@pytest.mark.parametrize("reason", SuppressionReason)
@pytest.mark.parametrize("when", ["before leaving", "before sending"])
def test_a_suppressed_reader_gets_no_goodbye(reason, when):
    reader = a_reader()
    if when == "before leaving":
        suppress(reader.address, reason, now=NOW)
    leave(reader.pk, now=NOW, evidence="", goodbye=True)
    suppress(reader.address, reason, now=NOW)
    assert sent_letters() == []
    assert Letter.objects.get().state == LetterState.WITHHELD


def test_who_came_back_before_it_went_out_gets_no_goodbye():
    reader = a_reader()
    leave(reader.pk, now=NOW, evidence="", goodbye=True)
    come_back(reader.pk, now=NOW)
    assert sent_letters() == []
    assert Letter.objects.get().error == "the reader has come back"


def test_a_goodbye_wakes_no_worker_so_that_leaving_needs_no_broker(monkeypatch):
    woken = []
    monkeypatch.setattr(letters, "wake_after_commit", woken.append)
    leave(a_reader().pk, now=NOW, evidence="", goodbye=True)
    assert Letter.objects.exists()
    assert woken == []
