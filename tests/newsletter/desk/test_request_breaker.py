"""Staff see that requests of strangers are refused, are told of it, and take them again."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, User

from newsletter.composing.lint.linter import lint
from newsletter.desk import notices
from newsletter.desk.groups import EDITORS, OPERATORS
from newsletter.desk.notices import TRY_AGAIN, tell_staff
from subscriptions.handover import Fate, NotHandedOver
from subscriptions.mail_limits import TooManyRequests, resume
from subscriptions.models import RequestBreaker
from subscriptions.models.profile import Choices
from subscriptions.models.request_breaker import NOTICE_EVERY, REST
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from tests.newsletter.desk.pages import seen
from tests.subscriptions.readers import NOW

pytestmark = pytest.mark.django_db

URL = "/desk/subscriptions/requestbreaker/1"


@pytest.fixture(autouse=True)
def two_an_hour(settings):
    settings.REQUESTED_MAILS_PER_HOUR = 2
    settings.SITE_URL = "https://paperboy.example.org"
    settings.DEFAULT_FROM_EMAIL = "Paperboy <daily@paperboy.example.org>"


@pytest.fixture
def staff():
    for name, group in {"editor": EDITORS, "operator": OPERATORS}.items():
        user = User.objects.create(
            username=name, email=f"{name}@desk.example", is_staff=True, is_active=True
        )
        user.groups.add(Group.objects.get(name=group))


def flood(now=NOW):
    """Let strangers ask until they are refused."""
    for number in range(2):
        sign_up(number, now)
    with pytest.raises(TooManyRequests):
        sign_up("one more", now)


def sign_up(name, now):
    address = f"{now:%d%H%M}{name}@example.org".replace(" ", "")
    request_sign_up(address, Choices(), Schedule(), origin=NOWHERE, now=now)


def test_who_may_resume_is_told_once_with_the_numbers_and_the_way_there(staff, mailoutbox):
    flood()
    assert [tell_staff(NOW), tell_staff(NOW)] == [1, 0]
    (message,) = mailoutbox
    assert message.to == ["operator@desk.example"]
    assert message.subject == "Paperboy: sign-ups are refused for an hour"
    for part in (" ".join(message.body.split()), message.alternatives[0].content):
        assert "2 mails within an hour" in part
        assert "2026-01-10 13:00 UTC" in part
        assert f"https://paperboy.example.org{URL}/change/" in part
    assert lint(message.message().as_bytes(), digest=False).errors == ()


def test_a_flood_that_lasts_for_a_day_fills_no_mailbox_of_staff(staff, mailoutbox):
    for hour in range(24):
        now = NOW + hour * timedelta(hours=1)
        flood(now)
        tell_staff(now)
    assert len(mailoutbox) == timedelta(days=1) / NOTICE_EVERY


def test_a_notice_that_no_provider_took_is_tried_again(staff, mailoutbox, monkeypatch):
    def fail(_message):
        raise NotHandedOver(Fate.LATER, "no connection")

    flood()
    with monkeypatch.context() as patched:
        patched.setattr(notices, "hand_over", fail)
        assert tell_staff(NOW) == 0
    assert tell_staff(NOW + TRY_AGAIN / 2) == 0
    assert tell_staff(NOW + TRY_AGAIN) == 1
    assert len(mailoutbox) == 1


def test_the_breaker_can_trip_while_a_notice_is_handed_over(staff, mailoutbox, monkeypatch):
    hand_over, later = notices.hand_over, NOW + NOTICE_EVERY + REST

    def trips_meanwhile(message):
        hand_over(message)
        flood(later)

    flood()
    with monkeypatch.context() as patched:
        patched.setattr(notices, "hand_over", trips_meanwhile)
        assert tell_staff(NOW) == 1
    assert tell_staff(later) == 1


def test_what_staff_have_resumed_before_they_were_told_is_no_news(staff, mailoutbox):
    flood()
    resume(now=NOW)
    assert tell_staff(NOW) == 0
    assert mailoutbox == []


def test_the_start_page_and_the_page_of_the_breaker_say_so_until_requests_are_taken_again(enter):
    client = enter("operators")
    flood()
    with time_machine.travel(NOW, tick=False):
        (call,) = client.get("/desk/").context["calls"]
        assert call.text == "1 request breaker refuses sign-ups: too many mails were asked for"
        assert client.get(call.url).context["cl"].result_count == 1
        assert "refused until 2026-01-10 13:00 UTC" in seen(client.get(f"{URL}/change/"))
        answer = client.post(f"{URL}/step/resume/", follow=True)
        assert "Requests are taken again." in seen(answer)
        assert not RequestBreaker.objects.get().is_refusing(NOW)
        assert client.get("/desk/").context["calls"] == []
        assert client.get(f"{URL}/change/").context["steps"] == []
        assert "Requests are taken already." in seen(
            client.post(f"{URL}/step/resume/", follow=True)
        )


def test_after_an_hour_nobody_is_called_any_more(enter):
    client = enter("operators")
    flood()
    with time_machine.travel(NOW + REST, tick=False):
        assert client.get("/desk/").context["calls"] == []
        assert "taken" in seen(client.get(f"{URL}/change/"))
