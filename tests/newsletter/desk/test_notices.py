"""Staff are mailed once about what the machine stopped, and only those who can do something
about it.
"""

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail

from newsletter.composing.lint.linter import lint
from newsletter.desk import notices
from newsletter.desk.groups import EDITORS, OPERATORS
from newsletter.desk.notices import tell_staff
from newsletter.editions import freeze, hold, open_edition, release
from newsletter.models import Alert, AlertKind, Delivery, Edition
from newsletter.sending.control import cancel_run, pause, resume
from newsletter.sending.failing import failures_counted
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from subscriptions.arming import arm
from subscriptions.handover import Fate, NotHandedOver
from subscriptions.models import Machine
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import DAY, FREEZE, a_frozen_edition, a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def staff(settings):
    """An editor, an operator, a superuser, and three who are not to be told."""
    settings.SITE_URL = "https://paperboy.example.org"
    settings.DEFAULT_FROM_EMAIL = "Paperboy <daily@paperboy.example.org>"
    people = {"editor": EDITORS, "operator": OPERATORS, "gone": EDITORS, "silent": EDITORS}
    for name, group in people.items():
        address = "" if name == "silent" else f"{name}@desk.example"
        User.objects.create(
            username=name, email=address, is_staff=True, is_active=name != "gone"
        ).groups.add(Group.objects.get(name=group))
    User.objects.create(username="nobody", email="nobody@desk.example", is_staff=True)
    User.objects.create(
        username="owner", email="owner@desk.example", is_staff=True, is_superuser=True
    )


def held() -> Edition:
    """An edition that the clock could not freeze, since no source brought a paper."""
    edition = open_edition("daily", DAY, FREEZE)
    freeze(edition.pk, FREEZE)
    return edition


def paused() -> Edition:
    papers(2)
    edition = open_edition("daily", DAY, FREEZE)
    freeze(edition.pk, FREEZE)
    pause(edition.pk, "the provider refuses our key", FREEZE, by_machine=True)
    return edition


def uncollected() -> Edition:
    """An edition whose papers could not be collected three times in a row."""
    edition = open_edition("daily", DAY, FREEZE)
    for _ in range(3):
        Alert.objects.note(edition.pk, AlertKind.COLLECTING, "KeyError at newsletter/x.py:1")
    return edition


def unplanned() -> Edition:
    papers(2)
    edition = a_frozen_edition()
    for _ in range(3):
        Alert.objects.note(edition.pk, AlertKind.PLANNING, "KeyError at newsletter/x.py:1")
    return edition


def failing() -> Edition:
    """An edition all of whose batches have failed three times in a row."""
    papers(4)
    readers(4)
    edition = a_planned_edition()
    for batch in edition.batches.all():
        for _ in range(3):
            with failures_counted(batch.pk, batch.state, batch.send_after):
                raise KeyError
    return edition


def unbalanced() -> Edition:
    """An edition that was sent, and one of whose deliveries is gone."""
    papers(4)
    readers(4)
    edition = a_planned_edition()
    clock = HandClock(edition.batches.get().send_after)
    send_batch(edition.batches.get().pk, clock, Mailbox())
    Delivery.objects.first().delete()
    sweep(clock())
    return edition


TROUBLES = (held, paused, uncollected, unplanned, failing, unbalanced)


def told() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def test_a_machine_that_is_not_armed_tells_nobody():
    """Its database may be a copy, of which the original tells."""
    held()
    Machine.objects.create(identity="original", renewed_at=FREEZE, armed_at=FREEZE)
    assert tell_staff(FREEZE) == 0
    assert told() == []
    arm(FREEZE)
    assert tell_staff(FREEZE) == 1


def test_editors_are_told_of_a_held_edition_with_the_reason_and_the_way_there():
    edition = held()
    assert tell_staff(FREEZE) == 1
    assert told() == ["editor@desk.example", "owner@desk.example"]
    message = mail.outbox[0]
    assert message.subject == "Paperboy: the daily edition of January 14, 2026 is held"
    assert "0 of the 1 sources" in message.body
    assert (
        f"https://paperboy.example.org/desk/newsletter/edition/{edition.pk}/change/" in message.body
    )


def test_operators_are_told_of_paused_sending():
    paused()
    assert tell_staff(FREEZE) == 1
    assert told() == ["operator@desk.example", "owner@desk.example"]
    assert "the provider refuses our key" in mail.outbox[0].body


def test_nobody_is_told_twice():
    held()
    assert [tell_staff(FREEZE), tell_staff(FREEZE)] == [1, 0]
    assert len(mail.outbox) == 2


def test_what_staff_did_themselves_is_no_news():
    papers(2)
    edition = open_edition("daily", DAY, FREEZE)
    hold(edition, "waiting for a paper", FREEZE)
    assert tell_staff(FREEZE) == 0
    release(edition, FREEZE)
    freeze(edition.pk, FREEZE)
    pause(edition.pk, "lunch", FREEZE)
    assert tell_staff(FREEZE) == 0


def test_what_was_settled_before_anybody_was_told_is_no_news():
    edition = paused()
    resume(edition.pk)
    pause(edition.pk, "lunch", FREEZE)
    assert tell_staff(FREEZE) == 0


def test_a_mail_that_was_not_handed_over_is_tried_again(monkeypatch):
    def fail(_message):
        raise NotHandedOver(Fate.LATER, "no connection")

    held()
    monkeypatch.setattr(notices, "hand_over", fail)
    assert tell_staff(FREEZE) == 0
    monkeypatch.undo()
    assert tell_staff(FREEZE) == 1


def test_without_anybody_to_tell_it_is_left_at_that():
    User.objects.update(email="")
    held()
    assert tell_staff(FREEZE) == 0
    assert not Alert.objects.filter(told_at=None).exists()


@pytest.mark.parametrize("troubled", TROUBLES)
def test_a_notice_is_of_the_mails_family_and_has_no_findings(troubled):
    troubled()
    assert tell_staff(FREEZE) == 1
    report = lint(mail.outbox[0].message().as_bytes(), digest=False)
    assert report.errors == ()
    assert b"List-Unsubscribe" not in mail.outbox[0].message().as_bytes()


def test_a_hostile_reason_stays_text():
    papers(1)
    edition = open_edition("daily", DAY, FREEZE)
    hold(edition, "<script>alert(1)</script>\r\nBcc: x@example.org", FREEZE, by_machine=True)
    tell_staff(FREEZE)
    html = mail.outbox[0].alternatives[0].content
    assert "<script>" not in html
    assert "Bcc" not in mail.outbox[0].extra_headers


@pytest.mark.parametrize(
    ("troubled", "subject", "reason", "who"),
    [
        (uncollected, "the papers of the %s cannot be collected", "KeyError at", "editor"),
        (unplanned, "the %s cannot be planned", "KeyError at", "operator"),
        (failing, "batches of the %s cannot be sent", "KeyError at", "operator"),
        (unbalanced, "the books of the %s do not balance", "due 4, sent 3", "operator"),
    ],
)
def test_staff_are_told_once_of_what_fails_again_and_again(troubled, subject, reason, who):
    edition = troubled()
    assert [tell_staff(FREEZE), tell_staff(FREEZE)] == [1, 0]
    assert told() == [f"{who}@desk.example", "owner@desk.example"]
    message = mail.outbox[0]
    assert message.subject == f"Paperboy: {subject % 'daily edition of January 14, 2026'}"
    assert reason in message.body
    assert f"/desk/newsletter/edition/{edition.pk}/change/" in message.body


@pytest.mark.parametrize("kind", [AlertKind.COLLECTING, AlertKind.PLANNING])
def test_what_fails_once_or_twice_is_no_news(kind):
    papers(2)
    edition = open_edition("daily", DAY, FREEZE)
    if kind == AlertKind.PLANNING:
        freeze(edition.pk, FREEZE)
    for _ in range(2):
        Alert.objects.note(edition.pk, kind, "KeyError")
        assert tell_staff(FREEZE) == 0
    assert Alert.objects.get().failures == 2


def test_failures_that_do_not_follow_each_other_are_no_news():
    edition = open_edition("daily", DAY, FREEZE)
    for _ in range(4):
        Alert.objects.note(edition.pk, AlertKind.COLLECTING, "KeyError")
        Alert.objects.note(edition.pk, AlertKind.COLLECTING, "KeyError")
        Alert.objects.end(edition.pk, AlertKind.COLLECTING)
    assert tell_staff(FREEZE) == 0
    assert not Alert.objects.exists()


def test_staff_are_told_when_the_books_balance_again():
    edition = unbalanced()
    tell_staff(FREEZE)
    mail.outbox.clear()
    batch = edition.batches.get()
    missing = edition.deliveries.first()
    missing.pk, missing.subscriber_id = None, missing.subscriber_id + 1
    missing.save(force_insert=True)
    sweep(batch.send_after)
    assert [tell_staff(FREEZE), tell_staff(FREEZE)] == [1, 0]
    assert told() == ["operator@desk.example", "owner@desk.example"]
    message = mail.outbox[0]
    assert message.subject == (
        "Paperboy: the problem of the daily edition of January 14, 2026 is over"
    )
    body = " ".join(message.body.split())
    assert "(books do not balance). That is over. The edition is now: done." in body
    assert "Its books: due 4, sent 4" in body
    assert not Alert.objects.exists()
    assert lint(message.message().as_bytes(), digest=False).errors == ()


def test_the_end_of_failing_batches_tells_how_many_readers_are_late():
    edition = failing()
    tell_staff(FREEZE)
    mail.outbox.clear()
    sweep(edition.batches.get().slot_at.replace(hour=20))
    assert tell_staff(FREEZE) == 1
    assert "due 4, late 4" in mail.outbox[0].body


def test_what_is_over_before_anybody_was_told_is_no_news():
    unbalanced()
    cancel_run(Edition.objects.get().pk)
    assert tell_staff(FREEZE) == 0
    assert not Alert.objects.exists()


@pytest.mark.parametrize("stopped", [held, paused])
def test_nobody_is_told_of_the_end_of_a_stop_which_a_person_ended(stopped):
    edition = stopped()
    tell_staff(FREEZE)
    if stopped is held:
        release(edition, FREEZE)
    else:
        resume(edition.pk)
    assert tell_staff(FREEZE) == 0
    assert not Alert.objects.exists()


def test_an_edition_that_is_held_again_is_told_again():
    edition = held()
    tell_staff(FREEZE)
    release(edition, FREEZE)
    hold(edition, "another fault", FREEZE, by_machine=True)
    assert tell_staff(FREEZE) == 1
    assert "another fault" in mail.outbox[-1].body


def test_one_notice_that_cannot_be_made_stops_no_other(monkeypatch):
    first = uncollected()
    papers(2)
    second = a_frozen_edition("weekly")
    pause(second.pk, "the provider refuses our key", FREEZE, by_machine=True)
    really = notices._names

    def names(edition):
        if edition.pk == first.pk:
            raise ZeroDivisionError
        return really(edition)

    monkeypatch.setattr(notices, "_names", names)
    assert tell_staff(FREEZE) == 1
    assert Alert.objects.get(told_at=None).edition == first
