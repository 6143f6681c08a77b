"""What staff can do to a run under way."""

from datetime import timedelta

import pytest

from newsletter.editions import WrongState, open_edition
from newsletter.models import Delivery, DeliveryStatus, Edition, EditionState
from newsletter.sending.books import books, estimate
from newsletter.sending.claim import Claimed, claim
from newsletter.sending.control import (
    cancel_run,
    pause,
    resume,
    retry_failed,
    settle_uncertain,
    strike,
)
from newsletter.sending.due import due_batches
from newsletter.sending.record import finish
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports import PermanentForReader, Uncertain
from tests.newsletter.sending.mailed import all_mailed
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import DAY, FREEZE, a_planned_edition, a_reader, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(4)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(edition.batches.get().send_after)


def send_due(clock, mailbox) -> Mailbox:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)
    return mailbox


def during(number: int, act) -> Mailbox:
    """A mailbox during whose so manieth mail staff do something."""
    return Mailbox(lambda tried, _mail: act() if tried == number else None)


def test_a_pause_stops_after_the_mail_in_hand_and_resume_goes_on(edition, clock):
    mailbox = send_due(clock, during(1, lambda: pause(edition.pk, "have a look", clock())))
    assert len(mailbox.accepted) == 2
    assert due_batches(clock()) == []
    resume(edition.pk)
    send_due(clock, mailbox)
    assert set(mailbox.addresses.values()) == {1}
    assert books(edition).sent == 4


def test_the_first_reason_for_a_pause_is_kept(edition, clock):
    pause(edition.pk, "535 wrong password", clock())
    pause(edition.pk, "have a look", clock())
    edition.refresh_from_db()
    assert edition.paused_reason == "535 wrong password"


def test_a_cancelled_run_hands_nothing_more_over_and_its_books_balance(edition, clock):
    mailbox = send_due(clock, during(0, lambda: cancel_run(edition.pk)))
    sweep(clock())
    account = books(edition)
    assert len(mailbox.accepted) == 1
    assert (account.sent, account.cancelled, account.open, account.balanced) == (1, 3, 0, True)


def test_cancelling_before_the_first_mail_writes_every_reader_off(edition, clock):
    cancel_run(edition.pk)
    sweep(clock())
    assert books(edition).cancelled == 4
    edition.refresh_from_db()
    assert edition.state == EditionState.CANCELLED


def test_what_is_not_frozen_is_not_cancelled_here():
    with pytest.raises(WrongState):
        cancel_run(open_edition("daily", DAY, FREEZE).pk)


def test_a_struck_paper_is_in_no_mail_handed_over_after_the_strike(edition, clock):
    first = Delivery.objects.none()
    struck: list[int] = []

    def strike_the_lead() -> None:
        paper = Delivery.objects.order_by("position").first().papers[0]
        struck.append(paper)
        strike(edition, edition.candidates.get(paper_id=paper).paper, "withdrawn", None, clock())

    mailbox = send_due(clock, during(0, strike_the_lead))
    send_due(clock, mailbox)
    assert set(mailbox.addresses.values()) == {1}
    assert struck[0] in mailbox.accepted[0].papers
    for mail in mailbox.accepted[1:]:
        assert struck[0] not in mail.papers
        assert Delivery.objects.get(pk=mail.delivery_id).papers == list(mail.papers)
    assert not first


def test_before_the_freeze_papers_are_hidden_not_struck():
    [paper] = papers(1)
    with pytest.raises(WrongState):
        strike(open_edition("daily", DAY, FREEZE), paper, "withdrawn", None, FREEZE)


def test_failed_readers_alone_are_tried_again(edition, clock):
    mailbox = send_due(
        clock, Mailbox(lambda number, _: PermanentForReader("550") if number in (1, 2) else None)
    )
    sweep(clock())
    assert retry_failed(edition.pk, clock.forward(hours=9)) == 2
    send_due(clock, mailbox)
    sweep(clock())
    edition.refresh_from_db()
    assert set(mailbox.addresses.values()) == {1}
    assert (books(edition).sent, edition.state) == (4, EditionState.DONE)


def test_what_is_retried_while_its_old_batch_still_runs_is_its_new_workers_alone(edition, clock):
    """The old worker writes its notes once more at its end. By then another one may be mailing
    the reader.
    """
    others: list[Claimed] = []

    def first_fails(number, _mail) -> PermanentForReader | None:
        if number == 1:
            retry_failed(edition.pk, clock())
            others.append(claim(due_batches(clock())[0], clock))
        return PermanentForReader("550") if number == 0 else None

    send_due(clock, Mailbox(first_fails))
    [other] = others
    assert Delivery.objects.get(pk=other.hand_overs[0].delivery_id).status == DeliveryStatus.CLAIMED
    assert finish(other, 1, [], clock(), clock())
    assert (books(edition).sent, books(edition).failed, retry_failed(edition.pk, clock())) == (
        4,
        0,
        0,
    )


def test_what_is_retried_looks_like_any_other_mail_of_the_edition(edition, clock):
    mailbox = send_due(
        clock, Mailbox(lambda number, _: PermanentForReader("550") if number == 0 else None)
    )
    retry_failed(edition.pk, clock())
    send_due(clock, mailbox)
    assert len({mail.message().subject for mail in mailbox.accepted}) == 1


def test_what_is_retried_keeps_the_pace_of_its_domain(settings):
    settings.DOMAIN_RATES = {"slow.example": 0.05}
    papers(6)
    for number in range(4):
        a_reader(number, address=f"reader{number}@slow.example")
    edition = a_planned_edition()
    Delivery.objects.bulk_create(
        Delivery(
            edition=edition,
            subscriber_id=pk,
            batch=batch,
            status="failed",
            reason="550",
            claimed_at=FREEZE,
        )
        for batch in edition.batches.all()
        for pk in batch.subscriber_ids
    )
    edition.batches.update(state="done")
    assert retry_failed(edition.pk, FREEZE) == 4
    assert (
        list(edition.batches.filter(state="planned").values_list("domain", flat=True))
        == ["slow.example"] * 2
    )


def test_of_a_cancelled_edition_nothing_is_sent_again_and_nothing_forgotten(edition, clock):
    def once(number, _mail) -> Exception:
        if number == 1:
            cancel_run(edition.pk)
        return [PermanentForReader("550"), Uncertain("cut")][number]

    send_due(clock, Mailbox(once))
    sweep(clock())
    with pytest.raises(WrongState):
        retry_failed(edition.pk, clock())
    with pytest.raises(WrongState):
        settle_uncertain(Delivery.objects.values_list("pk", flat=True), arrived=False, now=clock())
    assert (books(edition).failed, books(edition).uncertain, books(edition).cancelled) == (1, 1, 2)
    assert (
        settle_uncertain(Delivery.objects.values_list("pk", flat=True), arrived=True, now=clock())
        == 1
    )


def test_what_a_later_edition_has_mailed_meanwhile_is_in_no_retried_mail(edition, clock):
    """A failed mail counts as not mailed, so the next edition brings its papers again."""
    mailbox = send_due(
        clock, Mailbox(lambda number, _: PermanentForReader("550") if number == 0 else None)
    )
    tomorrow = a_planned_edition(day=DAY + timedelta(days=1))
    clock.forward(days=1)
    send_due(clock, mailbox)
    assert books(tomorrow).sent == 4
    retry_failed(edition.pk, clock())
    send_due(clock, mailbox)
    failed_once = Delivery.objects.filter(edition=edition).earliest("position")
    assert failed_once.status in (DeliveryStatus.SENT, DeliveryStatus.SKIPPED)
    mailed = [
        paper
        for mail in mailbox.accepted
        if mail.address == failed_once.subscriber.address
        for paper in mail.papers
    ]
    assert len(mailed) == len(set(mailed)) > 0


def test_a_person_may_say_that_an_uncertain_mail_arrived(edition, clock):
    send_due(clock, Mailbox(lambda number, _: Uncertain("cut") if number == 0 else None))
    uncertain = list(Delivery.objects.filter(status="uncertain").values_list("pk", flat=True))
    assert settle_uncertain(uncertain, arrived=True, now=clock()) == 1
    assert books(edition).sent == 4


def test_a_person_may_have_an_uncertain_mail_sent_again_with_the_same_papers(edition, clock):
    mailbox = send_due(clock, Mailbox(lambda number, _: Uncertain("cut") if number == 0 else None))
    uncertain = Delivery.objects.get(status="uncertain")
    settle_uncertain([uncertain.pk], arrived=False, now=clock.forward(hours=20))
    assert all_mailed(uncertain.subscriber_id) == set()
    send_due(clock, mailbox)
    again = Delivery.objects.get(pk=uncertain.pk)
    assert (again.status, again.papers) == ("sent", uncertain.papers)
    assert set(mailbox.addresses.values()) == {1}


def test_the_estimate_follows_the_pace_of_the_last_minutes(edition, clock):
    assert estimate(edition, clock()) is None
    send_due(clock, during(1, lambda: pause(edition.pk, "look", clock())))
    assert estimate(edition, clock()) == clock() + timedelta(minutes=10)
