"""A reader takes the subscription to another address: when that mailbox agrees, and so that no
answer tells who reads us.
"""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from newsletter.models import Delivery, DeliveryStatus
from newsletter.retention import KEEP_WISH_DAYS, delete_old_rows
from newsletter.sending.sender import send_batch
from subscriptions import letters, moving
from subscriptions.links import change_address_url, leave_url, preferences_url
from subscriptions.mail_limits import CHANGES_PER_DAY, TooManyRequests
from subscriptions.models import (
    AddressChange,
    ConsentKind,
    Letter,
    LetterKind,
    LetterState,
    SignUp,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.registry import erase_reader, export_reader
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from subscriptions.suppression import is_suppressed, suppress
from subscriptions.tokens import Power, sign
from tests.newsletter import world
from tests.newsletter.sending.ways_out import Mailbox
from tests.subscriptions.readers import DAY, HOUR, NOW, a_change, a_reader

pytestmark = pytest.mark.django_db

OLD, NEW = "ada@example.org", "Bea@Example.org"


def ask(reader, address=NEW, now=NOW):
    return moving.ask(reader.pk, address, now=now)


def moved(reader, address=NEW, now=NOW):
    """Ask and agree at once; return whether the change was made."""
    ask(reader, address, now)
    return moving.move(AddressChange.objects.latest("pk").pk, now=now)


def waiting():
    return Letter.objects.filter(state=LetterState.WAITING)


def sent(now=NOW):
    """Send all letters that are due; return to whom each went with its subject."""
    for letter_id in letters.sweep(now):
        letters.send(letter_id, lambda: now)
    return [(message.to, message.subject) for message in mail.outbox]


def test_asking_changes_nothing_and_mails_the_new_address_one_question():
    reader = a_reader(OLD)
    assert ask(reader)
    reader.refresh_from_db()
    assert reader.address == OLD
    assert sent() == [([NEW], "Your new address for Paperboy?")]
    for part in (mail.outbox[0].body, mail.outbox[0].alternatives[0].content):
        assert change_address_url(AddressChange.objects.get().pk, NOW) in part
        assert OLD not in part
        assert "/p/" not in part


def test_the_new_mailboxs_word_moves_the_reader_and_tells_the_former_address():
    reader = a_reader(OLD)
    assert moved(reader)
    reader.refresh_from_db()
    assert (reader.address, reader.address_key) == (NEW, "bea@example.org")
    assert sent() == [(["ada@example.org"], "Your Paperboy mails go elsewhere now")]
    for part in (mail.outbox[0].body, mail.outbox[0].alternatives[0].content):
        assert "B•••@Example.org" in part
        assert "Bea@" not in part


def test_the_trail_has_both_acts_and_no_whole_address():
    reader = a_reader(OLD)
    ask(reader)
    moving.move(AddressChange.objects.get().pk, now=NOW + HOUR)
    consent = reader.consents.get()
    assert (consent.kind, consent.at) == (ConsentKind.MOVED, NOW + HOUR)
    assert consent.evidence == (
        "asked on the preferences page 2026-01-10 12:00 UTC, agreed by link to the new address; "
        "a•••@example.org to B•••@Example.org"
    )


def test_agreeing_twice_is_agreeing_once():
    reader = a_reader(OLD)
    assert moved(reader)
    assert moving.move(AddressChange.objects.get().pk, now=NOW + HOUR)
    assert reader.consents.count() == 1
    assert Letter.objects.filter(kind=LetterKind.ADDRESS_CHANGED).count() == 1


def test_the_newest_wish_wins_and_each_link_moves_to_its_own_address_only():
    reader = a_reader(OLD)
    ask(reader, "typo@example.org")
    ask(reader)
    mistaken, wanted = AddressChange.objects.order_by("pk")
    assert not moving.move(mistaken.pk, now=NOW)
    assert moving.move(wanted.pk, now=NOW)
    reader.refresh_from_db()
    assert reader.address == NEW
    assert moving.look_up(mistaken.pk) is None


def test_a_question_that_was_replaced_before_it_went_out_does_not_go_out():
    reader = a_reader(OLD)
    ask(reader, "typo@example.org")
    ask(reader)
    assert [to for to, _subject in sent()] == [[NEW]]


def test_asking_again_for_an_address_leaves_the_link_it_has_good():
    reader = a_reader(OLD)
    ask(reader)
    first = AddressChange.objects.get()
    ask(reader, "typo@example.org")
    ask(reader, "BEA@example.org")
    assert waiting().filter(address_change=first).count() == 1
    assert moving.move(first.pk, now=NOW)


def test_the_database_holds_one_open_wish_of_a_reader():
    reader = a_reader(OLD)
    a_change(reader)
    with pytest.raises(IntegrityError), transaction.atomic():
        a_change(reader, "cleo@example.org")


def test_an_address_that_reads_us_gets_the_letter_of_a_second_sign_up_and_nobody_moves():
    reader, other = a_reader(OLD), a_reader("bea@example.org")
    ask(reader)
    letter = Letter.objects.get()
    assert (letter.kind, letter.subscriber, letter.state) == (
        LetterKind.SIGN_UP_AGAIN,
        other,
        LetterState.WAITING,
    )
    assert not moving.move(AddressChange.objects.get().pk, now=NOW)


@pytest.mark.parametrize("address", [OLD, "ADA@EXAMPLE.ORG"])
def test_the_present_address_gets_no_letter(address):
    ask(a_reader(OLD), address)
    assert Letter.objects.get().state == LetterState.WITHHELD


@pytest.mark.parametrize("reason", SuppressionReason)
def test_a_suppressed_address_is_neither_mailed_nor_moved_to(reason):
    reader = a_reader(OLD)
    suppress("bea@example.org", reason, now=NOW)
    ask(reader)
    assert Letter.objects.get().state == LetterState.WITHHELD
    assert not moving.move(AddressChange.objects.get().pk, now=NOW)


def test_an_address_suppressed_after_the_question_was_written_gets_nothing():
    reader = a_reader(OLD)
    ask(reader)
    suppress(NEW, SuppressionReason.COMPLAINT, now=NOW)
    assert sent() == []
    assert not moving.move(AddressChange.objects.get().pk, now=NOW)


def test_every_address_takes_the_same_steps():
    reader = a_reader(OLD)
    a_reader("active@example.org")
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED)
    a_reader("pending@example.org", state=SubscriberState.PENDING)
    suppress("complained@example.org", SuppressionReason.COMPLAINT, now=NOW)
    ask(reader, "warm@example.org")
    counts = set()
    for name in ("new", "active", "left", "pending", "complained"):
        with CaptureQueriesContext(connection) as queries:
            ask(reader, f"{name}@example.org")
        counts.add(len(queries))
    assert len(counts) == 1


def test_a_strangers_mailbox_is_asked_once_an_hour_and_three_times_a_day_whoever_asks():
    readers = [a_reader(f"reader{number}@example.org") for number in range(8)]
    for reader in readers:
        ask(reader)
    assert waiting().count() == 1
    for hour in range(1, 24):
        ask(readers[hour % 8], now=NOW + hour * HOUR + timedelta(minutes=1))
    assert waiting().count() == 3


def test_one_reader_cannot_bother_a_list_of_strangers_and_hinders_no_other():
    reader, other = a_reader(OLD), a_reader("cleo@example.org")
    for number in range(CHANGES_PER_DAY):
        ask(reader, f"reader{number}@example.org", now=NOW + number * HOUR)
    with pytest.raises(TooManyRequests):
        ask(reader, now=NOW + CHANGES_PER_DAY * HOUR)
    assert not AddressChange.objects.filter(address_key="bea@example.org").exists()
    assert ask(other, now=NOW + CHANGES_PER_DAY * HOUR)
    assert ask(reader, now=NOW + DAY + HOUR)


def test_a_reader_whose_network_or_whose_own_mailbox_is_used_up_by_strangers_still_moves():
    reader = a_reader(OLD)
    for hour in range(3):
        request_sign_up(OLD, Choices(), Schedule(), origin=NOWHERE, now=NOW + hour * HOUR)
    assert ask(reader, now=NOW + 3 * HOUR)
    assert waiting().filter(kind=LetterKind.CHANGE_ADDRESS).count() == 1


def test_the_new_mailbox_is_asked_within_its_own_limit_together_with_what_strangers_ask_for():
    reader = a_reader(OLD)
    for hour in range(3):
        request_sign_up(NEW, Choices(), Schedule(), origin=NOWHERE, now=NOW + hour * HOUR)
    assert ask(reader, now=NOW + 3 * HOUR)
    assert waiting().count() == 3
    assert Letter.objects.latest("pk").error == "limit reached: 3 a day"


@pytest.mark.parametrize("state", [SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED])
def test_who_never_confirmed_or_left_under_the_new_address_gives_way_to_who_has_the_mailbox(state):
    reader, other = (
        a_reader(OLD),
        a_reader("bea@example.org", state=state, choices=Choices(phrases=("graphs",))),
    )
    assert moved(reader)
    other.refresh_from_db()
    assert (other.state, other.address) == (SubscriberState.ERASED, "")
    assert not is_suppressed(NEW)
    reader.refresh_from_db()
    assert (reader.address, reader.state) == (NEW, SubscriberState.ACTIVE)


def test_a_sign_up_that_takes_the_address_in_the_last_moment_wins(monkeypatch):
    reader = a_reader(OLD)
    ask(reader)
    change = AddressChange.objects.get()
    write = moving._write

    def overtaken(*args):
        a_reader("bea@example.org")
        write(*args)

    monkeypatch.setattr(moving, "_write", overtaken)
    assert not moving.move(change.pk, now=NOW)
    reader.refresh_from_db()
    assert reader.address == OLD
    assert AddressChange.objects.get().is_open
    assert not reader.consents.exists()


def test_two_readers_who_want_one_address_do_not_both_get_it():
    first, second = a_reader(OLD), a_reader("cleo@example.org")
    ask(first)
    ask(second)
    changes = AddressChange.objects.order_by("pk")
    assert [moving.move(change.pk, now=NOW) for change in changes] == [True, False]


def test_a_reader_whose_mailbox_is_gone_moves_away_and_the_bounce_stays_behind():
    reader = a_reader(OLD)
    suppress(OLD, SuppressionReason.HARD_BOUNCE, now=NOW)
    ask(reader)
    assert sent() == [([NEW], "Your new address for Paperboy?")]
    assert moving.move(AddressChange.objects.get().pk, now=NOW)
    reader.refresh_from_db()
    assert reader.suppressed_at is None
    assert is_suppressed(OLD)
    assert len(sent()) == 1
    assert Letter.objects.get(kind=LetterKind.ADDRESS_CHANGED).state == LetterState.WITHHELD


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.STAFF])
def test_who_complained_or_was_suppressed_by_staff_does_not_move(reason):
    reader = a_reader(OLD)
    ask(reader, "cleo@example.org")
    earlier = AddressChange.objects.get()
    suppress(OLD, reason, now=NOW)
    assert not moving.move(earlier.pk, now=NOW)
    ask(reader)
    assert Letter.objects.latest("pk").state == LetterState.WITHHELD
    reader.refresh_from_db()
    assert (reader.address, reader.suppressed_at) == (OLD, NOW)


def test_who_left_does_not_move_and_is_told_so_when_asking():
    reader = a_reader(OLD)
    ask(reader)
    Subscriber.objects.update(state=SubscriberState.UNSUBSCRIBED, left_at=NOW)
    assert sent() == []
    assert not moving.move(AddressChange.objects.get().pk, now=NOW)
    assert not ask(reader)
    assert not moving.move(10**6, now=NOW)


def test_a_confirmation_that_lies_in_the_former_mailbox_is_good_for_nothing():
    reader = a_reader(OLD)
    request_sign_up(OLD, Choices(), Schedule(), origin=NOWHERE, now=NOW)
    assert moved(reader)
    assert not SignUp.objects.exists()


def test_the_former_address_is_free_for_a_new_reader():
    assert moved(a_reader(OLD))
    request_sign_up(OLD, Choices(), Schedule(), origin=NOWHERE, now=NOW)
    assert Subscriber.objects.get(address_key=OLD).state == SubscriberState.PENDING


def test_a_planned_batch_mails_the_new_address():
    world.papers(5)
    reader = world.a_reader()
    edition = world.a_planned_edition()
    (batch,) = edition.batches.all()
    assert batch.subscriber_ids == [reader.pk]
    assert moved(reader)
    mailbox = Mailbox()
    send_batch(batch.pk, lambda: batch.send_after, mailbox)
    assert Delivery.objects.get().status == DeliveryStatus.SENT
    assert list(mailbox.addresses) == [NEW]


def test_links_in_mails_from_before_keep_working(client):
    reader = a_reader(OLD)
    preferences, leave = preferences_url(reader.pk, timezone.now()), leave_url(reader.pk, 4)
    assert moved(reader)
    page = client.get(preferences)
    assert page.status_code == 200
    assert NEW in page.content.decode()
    assert client.post(leave, {"List-Unsubscribe": "One-Click"}).status_code == 200
    reader.refresh_from_db()
    assert reader.state == SubscriberState.UNSUBSCRIBED


def test_the_export_has_the_wish_and_erasure_forgets_it_everywhere():
    reader, other = a_reader(OLD), a_reader("cleo@example.org")
    ask(reader)
    ask(other, OLD)
    (wish,) = json.loads(json.dumps(export_reader(reader)))["address_changes"]
    assert (wish["new_address"], wish["made"]) == (NEW, None)
    receipt = erase_reader(reader, now=NOW)
    assert receipt["address_changes"] == 1
    assert not AddressChange.objects.exists()


def test_a_wish_is_forgotten_when_its_link_has_run_out_and_a_change_after_a_month():
    reader, other = a_reader(OLD), a_reader("cleo@example.org")
    assert moved(reader)
    ask(other, "dora@example.org")
    ask(other, "emma@example.org")
    delete_old_rows(NOW + KEEP_WISH_DAYS * DAY)
    assert AddressChange.objects.count() == 3
    assert delete_old_rows(NOW + KEEP_WISH_DAYS * DAY + HOUR)["address_changes"] == 2
    assert AddressChange.objects.get().made_at == NOW
    assert sent() == [([OLD], "Your Paperboy mails go elsewhere now")]
    delete_old_rows(NOW + 31 * DAY)
    assert not AddressChange.objects.exists()


def test_the_pages_lead_from_the_preferences_to_the_new_address(client):
    reader = a_reader(OLD)
    token = sign(Power.PREFERENCES, reader.pk, now=timezone.now())
    form = reverse("ask_address", args=[token])
    assert f'action="{form}"' in client.get(reverse("preferences", args=[token])).content.decode()
    page = client.post(form, {"address": NEW}, follow=True)
    assert page.redirect_chain == [(reverse("ask_address_sent", args=[token]), 302)]
    assert b"Look into your new mailbox" in page.content

    link = change_address_url(AddressChange.objects.get().pk, timezone.now())
    for method in (client.get, client.head, client.get):
        page = method(link)
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
    assert AddressChange.objects.get().is_open
    page = client.post(link, follow=True)
    assert b"Your address is changed" in page.content
    assert Subscriber.objects.get().address == NEW


def test_looking_changes_nothing(client):
    token = sign(Power.PREFERENCES, a_reader(OLD).pk, now=timezone.now())
    for name in ("ask_address", "ask_address_sent"):
        for method in (client.get, client.head):
            assert method(reverse(name, args=[token]), {"address": NEW}).status_code == 200
    assert not AddressChange.objects.exists()


def test_the_answer_is_the_same_for_every_address(client):
    a_reader("active@example.org")
    suppress("complained@example.org", SuppressionReason.COMPLAINT, now=NOW)
    token = sign(Power.PREFERENCES, a_reader(OLD).pk, now=timezone.now())
    answers = {
        client.post(reverse("ask_address", args=[token]), {"address": address}, follow=True).content
        for address in ("new@example.org", "active@example.org", "complained@example.org", OLD)
    }
    assert len(answers) == 1


@pytest.mark.parametrize("address", ["", "ada@", "ada@@example", "jörg@example.org"])
def test_an_address_we_cannot_write_to_is_refused_as_at_sign_up(client, address):
    token = sign(Power.PREFERENCES, a_reader(OLD).pk, now=timezone.now())
    page = client.post(reverse("ask_address", args=[token]), {"address": address})
    assert page.status_code == 422
    assert b'class="wrong"' in page.content
    assert not AddressChange.objects.exists()


def test_links_of_another_power_of_another_time_or_of_nothing_do_nothing(client):
    reader = a_reader(OLD)
    ask(reader)
    change, now = AddressChange.objects.get(), timezone.now()
    wrong = sign(Power.CONFIRM, change.pk, now=now)
    assert client.post(reverse("change_address", args=[wrong])).status_code == 404
    assert client.post(change_address_url(change.pk, now - 5 * DAY)).status_code == 410
    assert client.post(change_address_url(change.pk + 1, now)).status_code == 410
    assert client.get(change_address_url(change.pk + 1, now)).status_code == 410
    old = sign(Power.PREFERENCES, reader.pk, now=now - 70 * DAY)
    for name in ("ask_address", "ask_address_sent"):
        assert client.get(reverse(name, args=[old]), follow=True).status_code == 410
    assert AddressChange.objects.get().is_open
