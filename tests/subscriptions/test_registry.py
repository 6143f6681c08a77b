"""A reader can have everything we hold, and be forgotten by every table."""

import json
from io import StringIO

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from newsletter.models import Delivery, DeliveryStatus
from newsletter.sending.books import books
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import PermanentForReader
from subscriptions import letters, moving
from subscriptions.arming import arm
from subscriptions.confirming import confirm
from subscriptions.handover import Fate, NotHandedOver
from subscriptions.models import (
    Letter,
    LetterKind,
    LetterState,
    Profile,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.registry import ERASED_WITH_ITS_ADDRESS, erase_reader, export_reader
from subscriptions.schedule import Schedule
from subscriptions.signup import request_preferences, request_sign_up
from subscriptions.suppression import OWNER_LIFTS, is_suppressed, reasons_of, suppress
from tests.newsletter import world
from tests.newsletter.sending.ways_out import Mailbox
from tests.subscriptions.readers import NOW, a_change, a_letter, a_reader

pytestmark = pytest.mark.django_db

OWN_WORDS = Choices(phrases=("my very own research idea",))


def everything_stored() -> str:
    """Return every stored value of every model as one text."""
    rows = [
        list(model._base_manager.values())
        for model in apps.get_models()
        if not isinstance(model._meta.pk, models.OneToOneField)
    ]
    return str(rows)


@pytest.fixture
def reader():
    reader = a_reader("ada@example.org", choices=OWN_WORDS, timezone="Asia/Tokyo")
    request_sign_up(
        "Ada@example.org", OWN_WORDS, Schedule(timezone="Asia/Tokyo"), origin=NOWHERE, now=NOW
    )
    Letter.objects.update(error="refused: ada@example.org")
    a_letter(reader, state=LetterState.SENT)
    return reader


def test_the_export_has_what_was_chosen_and_what_was_sent(reader):
    export = json.loads(json.dumps(export_reader(reader)))
    assert export["reader"][0]["address"] == "ada@example.org"
    assert export["reader"][0]["phrases"] == ["my very own research idea"]
    assert [letter["kind"] for letter in export["letters"]] == ["preferences", "sign_up_again"]
    assert [consent["kind"] for consent in export["consents"]] == ["requested"]
    assert export["sign_ups"][0]["time_zone"] == "Asia/Tokyo"
    assert export["deliveries"] == []


def test_no_table_remembers_an_erased_reader(reader):
    assert "ada@example.org" in everything_stored().lower()
    receipt = erase_reader(reader, now=NOW)
    assert receipt["reader"] == 1
    assert receipt["letters"] == 2
    left = everything_stored().lower()
    assert "ada@" not in left
    assert "my very own" not in left
    assert "asia/tokyo" not in left
    assert Subscriber.objects.get().state == SubscriberState.ERASED


def test_no_row_of_another_reader_remembers_an_erased_address(reader, monkeypatch):
    other = a_reader("bob@example.net")
    change = a_change(other, "Ada@example.org")
    letter = a_letter(other, LetterKind.CHANGE_ADDRESS, address_change=change)

    def refuse(_message):
        raise NotHandedOver(Fate.REFUSED, "550 ada is unknown: <Ada@Example.ORG>")

    monkeypatch.setattr(letters, "hand_over", refuse)
    arm(NOW)
    assert not letters.send(letter.pk, lambda: NOW)
    erase_reader(reader, now=NOW)
    letter.refresh_from_db()
    assert (letter.state, letter.error) == (LetterState.FAILED, ERASED_WITH_ITS_ADDRESS)
    left = everything_stored().lower()
    assert "example.org" not in left
    assert "ada" not in left


def test_the_deliveries_of_an_erased_reader_keep_no_answer_of_a_provider():
    world.papers(3)
    reader = world.a_reader(address="ada@example.org")
    edition = world.a_planned_edition()
    (batch,) = edition.batches.all()
    send_batch(
        batch.pk,
        lambda: batch.send_after,
        Mailbox(lambda *_: PermanentForReader("550 mailbox ada is full: <ada@example.org>")),
    )
    assert Delivery.objects.get().status == DeliveryStatus.FAILED
    erase_reader(reader, now=NOW)
    left = everything_stored().lower()
    assert "example.org" not in left
    assert "mailbox ada" not in left
    assert books(edition).balanced


def sign_up(address="ada@example.org", now=NOW):
    request_sign_up(address, Choices(), Schedule(), origin=NOWHERE, now=now)
    return Letter.objects.latest("pk")


def test_an_erased_reader_is_not_mailed_again_by_mistake(reader):
    erase_reader(reader, now=NOW)
    assert is_suppressed("ADA@example.org")
    other = a_reader("bob@example.org")
    moving.ask(other.pk, "ada@example.org", now=NOW)
    request_preferences("ada@example.org", origin=NOWHERE, now=NOW)
    assert set(Letter.objects.values_list("state", flat=True)) == {LetterState.WITHHELD}


def test_who_was_erased_signs_up_again_and_is_a_reader_once_they_confirm(reader):
    erase_reader(reader, now=NOW)
    letter = sign_up("ADA@example.org")
    assert (letter.kind, letter.state) == (LetterKind.CONFIRM, LetterState.WAITING)
    arm(NOW)
    assert letters.send(letter.pk, lambda: NOW)
    assert mail.outbox[0].to == ["ADA@example.org"]
    assert is_suppressed("ada@example.org")
    assert confirm(letter.sign_up_id, now=NOW)
    assert not is_suppressed("ada@example.org")
    again = Subscriber.objects.get(state=SubscriberState.ACTIVE)
    assert again.pk != reader.pk
    assert list(Subscriber.objects.mailable(NOW)) == [again]
    assert Subscriber.objects.get(pk=reader.pk).state == SubscriberState.ERASED


def test_a_confirmation_lifts_an_erasure_that_was_stored_under_an_earlier_secret(reader, settings):
    erase_reader(reader, now=NOW)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new" * 20
    assert confirm(sign_up().sign_up_id, now=NOW)
    assert not is_suppressed("ada@example.org")


OTHER_REASONS = [reason for reason in SuppressionReason if reason not in OWNER_LIFTS]


@pytest.mark.parametrize("reason", OTHER_REASONS)
def test_a_confirmation_lifts_no_other_suppression(reader, reason):
    suppress("ada@example.org", reason, now=NOW)
    erase_reader(reader, now=NOW)
    letter = sign_up()
    assert letter.state == LetterState.WITHHELD
    assert confirm(letter.sign_up_id, now=NOW)
    assert is_suppressed("ada@example.org")
    assert not Subscriber.objects.mailable(NOW).exists()


@pytest.mark.parametrize("reason", OTHER_REASONS)
def test_what_is_heard_of_an_address_after_its_erasure_is_not_lifted(reader, reason):
    erase_reader(reader, now=NOW)
    early = sign_up()
    suppress("ada@example.org", reason, now=NOW)
    assert reasons_of("ada@example.org") == {reason, "erased"}
    arm(NOW)
    assert not letters.send(early.pk, lambda: NOW)
    assert confirm(early.sign_up_id, now=NOW)
    assert is_suppressed("ada@example.org")
    assert not Subscriber.objects.mailable(NOW).exists()


def test_a_known_address_an_unknown_one_and_an_erased_one_take_the_same_steps(reader):
    sign_up("warm@example.org")
    erase_reader(reader, now=NOW)
    counts = set()
    for address in ("new@example.org", "ada@example.org", "warm@example.org"):
        with CaptureQueriesContext(connection) as queries:
            sign_up(address)
        counts.add(len(queries))
    assert len(counts) == 1


def test_erasing_twice_is_erasing_once(reader):
    erase_reader(reader, now=NOW)
    assert erase_reader(Subscriber.objects.get(), now=NOW) == {}


def test_a_profile_that_others_share_stays(reader):
    other = a_reader("bob@example.org", choices=OWN_WORDS)
    erase_reader(reader, now=NOW)
    assert Profile.objects.get(pk=other.profile_id).choices == OWN_WORDS


def test_the_commands_export_and_erase(reader):
    out = StringIO()
    call_command("export_reader", "ADA@example.org", stdout=out)
    assert json.loads(out.getvalue())["reader"][0]["state"] == "active"
    with pytest.raises(CommandError, match="--yes"):
        call_command("erase_reader", "ada@example.org")
    out = StringIO()
    call_command("erase_reader", "ada@example.org", "--yes", stdout=out)
    assert json.loads(out.getvalue())["erased"]["reader"] == 1
    for command in ("erase_reader", "export_reader"):
        with pytest.raises(CommandError, match="No reader"):
            call_command(command, "ada@example.org")
        with pytest.raises(CommandError, match="valid domain"):
            call_command(command, "ada@")
