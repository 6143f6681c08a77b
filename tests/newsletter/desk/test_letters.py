"""A transactional mail that did not go out: staff see why, and send it again."""

import pytest
import time_machine

from subscriptions import letters
from subscriptions.models import Letter, LetterKind, LetterState, SubscriberState
from subscriptions.suppression import suppress
from tests.newsletter.desk.pages import seen
from tests.subscriptions.readers import NOW, a_letter, a_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False):
        yield


def ended(state=LetterState.FAILED, reader=None, **fields):
    fields = {"error": "the mail cannot be built: CutShort: lost", "attempts": 8} | fields
    return a_letter(reader or a_reader(), state=state, **fields)


def url(letter: Letter, page: str = "change") -> str:
    return f"/desk/subscriptions/letter/{letter.pk}/{page}/"


def send_again(client, letter: Letter) -> str:
    answer = client.post(url(letter, "step/send-again"), follow=True)
    letter.refresh_from_db()
    return seen(answer)


@pytest.mark.parametrize("state", letters.ENDED_WITHOUT_SUCCESS)
def test_staff_see_why_and_send_again_with_all_attempts(enter, state, mailoutbox):
    client, letter = enter("operators"), ended(state)
    page = client.get(url(letter))
    assert "the mail cannot be built: CutShort: lost" in seen(page)
    assert "Send again" in [str(step["label"]) for step in page.context["steps"]]
    assert "It is sent again." in send_again(client, letter)
    assert (letter.state, letter.attempts, letter.send_after, letter.error) == (
        LetterState.WAITING,
        0,
        NOW,
        "",
    )
    assert letters.sweep(NOW) == [letter.pk]
    assert letters.send(letter.pk, lambda: NOW)
    assert [message.to for message in mailoutbox] == [["ada@example.org"]]


def test_looking_at_the_question_sends_nothing(enter):
    client, letter = enter("operators"), ended()
    assert client.get(url(letter, "step/send-again")).status_code == 200
    assert client.head(url(letter, "step/send-again")).status_code == 200
    letter.refresh_from_db()
    assert letter.state == LetterState.FAILED


@pytest.mark.parametrize(
    "state", [state for state in LetterState if state not in letters.ENDED_WITHOUT_SUCCESS]
)
def test_what_is_sent_or_about_to_be_is_not_sent_again(enter, state, mailoutbox):
    lease = {"lease_until": NOW} if state in {LetterState.CLAIMED, LetterState.HANDING} else {}
    client, letter = enter("operators"), ended(state, **lease)
    assert client.get(url(letter)).context["steps"] == []
    assert "It is not sent again" in send_again(client, letter)
    assert letter.state == state


def test_no_step_writes_to_who_may_not_be_written_to_or_has_left(enter):
    client = enter("operators")
    complained, left = a_reader(), a_reader("bob@example.org", state=SubscriberState.UNSUBSCRIBED)
    suppress(complained.address, "complaint", now=NOW)
    for reader, reason in (
        (complained, letters.NOT_TO_THIS_ADDRESS),
        (left, "the reader has left"),
    ):
        letter = ended(LetterState.WITHHELD, reader)
        assert f"It is not sent again: {reason}." in send_again(client, letter)
        assert letter.state == LetterState.WITHHELD


def test_a_letter_to_nobody_has_no_step_and_a_forged_one_sends_nothing(enter):
    client = enter("operators")
    letter = Letter.objects.create(
        kind=LetterKind.PREFERENCES,
        state=LetterState.WITHHELD,
        error=letters.NOBODY,
        created_at=NOW,
        send_after=NOW,
    )
    page = client.get(url(letter))
    assert page.context["steps"] == []
    assert "nobody" in seen(page)
    assert f"It is not sent again: {letters.NOBODY}." in send_again(client, letter)
    assert letter.state == LetterState.WITHHELD


def test_two_people_who_press_at_once_send_one_mail(enter):
    client, letter = enter("operators"), ended()
    send_again(client, letter)
    assert "about to be" in send_again(client, letter)
    assert letters.send(letter.pk, lambda: NOW)
    assert not letters.send(letter.pk, lambda: NOW)


def test_an_uncertain_letter_that_arrived_counts_as_sent(enter):
    client, letter = enter("operators"), ended(LetterState.UNCERTAIN)
    client.post(url(letter, "step/arrived"))
    letter.refresh_from_db()
    assert (letter.state, letter.sent_at, letter.error) == (LetterState.SENT, NOW, "")


def test_a_failed_letter_calls_for_a_person_for_three_days(enter):
    ended()
    client = enter("operators")
    (call,) = client.get("/desk/").context["calls"]
    assert call.text == "1 letter failed in three days"
    assert client.get(call.url).context["cl"].result_count == 1
    Letter.objects.update(created_at=NOW - letters.LEASE * 1441)
    assert client.get("/desk/").context["calls"] == []
