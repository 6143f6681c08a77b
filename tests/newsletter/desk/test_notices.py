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
from newsletter.models import Edition
from newsletter.sending.control import pause, resume
from subscriptions.handover import Fate, NotHandedOver
from tests.newsletter.world import DAY, FREEZE, papers

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


def told() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


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
    hold(edition, "waiting for a paper")
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
    assert not Edition.objects.filter(untold=True).exists()


@pytest.mark.parametrize("stopped", [held, paused])
def test_a_notice_is_of_the_mails_family_and_has_no_findings(stopped):
    stopped()
    tell_staff(FREEZE)
    report = lint(mail.outbox[0].message().as_bytes(), digest=False)
    assert report.errors == ()
    assert b"List-Unsubscribe" not in mail.outbox[0].message().as_bytes()


def test_a_hostile_reason_stays_text():
    papers(1)
    edition = open_edition("daily", DAY, FREEZE)
    hold(edition, "<script>alert(1)</script>\r\nBcc: x@example.org", by_machine=True)
    tell_staff(FREEZE)
    html = mail.outbox[0].alternatives[0].content
    assert "<script>" not in html
    assert "Bcc" not in mail.outbox[0].extra_headers
