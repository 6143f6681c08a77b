"""No reader gets the same paper twice, and the history that sees to it is small."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ingest.models import Paper
from newsletter.models import Delivery, MailedHistory
from newsletter.sending.history import forget, mailed_among, remember
from newsletter.sending.press import Press
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import PermanentForReader, Uncertain
from subscriptions.registry import export_reader
from tests.newsletter.sending.mailed import all_mailed
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import DAY, a_planned_edition, a_profile, a_reader, papers

PAPERS = st.sets(st.integers(1, 3 * MailedHistory.BUCKET), max_size=40)


class HistoryKeepsEverything(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(st.lists(PAPERS, max_size=4), PAPERS)
    def test_what_was_remembered_is_found_among_any_papers(self, mailed, asked):
        reader = a_reader(1)
        for some in mailed:
            remember({reader.pk: some})
        everything = set().union(*mailed)
        assert all_mailed(reader.pk) == everything
        assert mailed_among([reader.pk], asked).get(reader.pk, set()) == everything & asked

    @settings(max_examples=30, deadline=None)
    @given(PAPERS, PAPERS)
    def test_what_did_not_arrive_is_forgotten_and_nothing_else(self, mailed, failed):
        reader = a_reader(1)
        remember({reader.pk: mailed})
        forget({reader.pk: failed})
        assert all_mailed(reader.pk) == mailed - failed


def send_all(edition, mailbox=None) -> Mailbox:
    mailbox = mailbox or Mailbox()
    for batch in edition.batches.filter(state="planned"):
        send_batch(batch.pk, HandClock(batch.send_after), mailbox)
    return mailbox


def mailed_papers(mailbox: Mailbox) -> list[int]:
    return [paper for mail in mailbox.accepted for paper in mail.papers]


@pytest.mark.django_db
def test_the_export_lists_each_buckets_papers_in_the_order_of_mailing():
    reader = a_reader(1)
    bucket = MailedHistory.BUCKET
    remember({reader.pk: [9, bucket + 4, 3]})
    remember({reader.pk: [bucket + 1, 5]})
    exported = [{"papers": [9, 3, 5]}, {"papers": [bucket + 4, bucket + 1]}]
    assert export_reader(reader)["mailed_history"] == exported


@pytest.mark.django_db
def test_days_never_repeat_a_paper():
    papers(8)
    a_reader(1, profile=a_profile(papers_per_digest=4))
    mailbox = Mailbox()
    for day in range(3):
        send_all(a_planned_edition(day=DAY + timedelta(days=day)), mailbox)
    mailed = mailed_papers(mailbox)
    assert len(mailed) == len(set(mailed)) > 4


@pytest.mark.django_db
def test_a_paper_merged_into_another_counts_as_that_one_in_both_directions():
    first, second, *_ = papers(2)
    a_reader(1, profile=a_profile(papers_per_digest=1))
    mailbox = send_all(a_planned_edition())
    [mailed] = mailed_papers(mailbox)
    other = second if mailed == first.pk else first
    Paper.objects.filter(pk=mailed).update(merged_into=other)
    send_all(a_planned_edition(day=DAY + timedelta(days=1)), mailbox)
    assert mailed_papers(mailbox) == [mailed]


@pytest.mark.django_db
def test_papers_merged_after_the_freeze_are_one_work():
    first, second = papers(2)
    a_reader(1)
    edition = a_planned_edition()
    Paper.objects.filter(pk=second.pk).update(merged_into=first)
    assert mailed_papers(send_all(edition)) == [first.pk]


@pytest.mark.django_db
def test_a_withdrawn_paper_is_mailed_no_more():
    first, second = papers(2)
    a_reader(1)
    edition = a_planned_edition()
    Paper.objects.filter(pk=second.pk).update(withdrawn_at=edition.nominal_at)
    assert mailed_papers(send_all(edition)) == [first.pk]


@pytest.mark.django_db
def test_uncertain_counts_as_mailed_and_failed_does_not():
    papers(2)
    unsure, refused = a_reader(1), a_reader(2)
    troubles = {unsure.address: Uncertain("cut"), refused.address: PermanentForReader("550")}
    send_all(a_planned_edition(), Mailbox(lambda _number, mail: troubles[mail.address]))
    assert all_mailed(unsure.pk) != set()
    assert all_mailed(refused.pk) == set()


@pytest.mark.django_db
def test_daily_and_weekly_mail_share_one_history():
    papers(3)
    reader = a_reader(1)
    daily = send_all(a_planned_edition())
    reader.cadence = "weekly"
    reader.save(update_fields=["cadence"])
    weekly = send_all(a_planned_edition("weekly"))
    assert len(mailed_papers(daily)) == 3
    assert mailed_papers(weekly) == []
    assert Delivery.objects.get(edition__cadence="weekly").reason.startswith("empty")


@pytest.mark.django_db
def test_what_another_edition_holds_unsettled_is_not_chosen_again():
    papers(4)
    reader = a_reader(1, profile=a_profile(papers_per_digest=2))
    daily = a_planned_edition()
    [batch] = daily.batches.all()
    Delivery.objects.create(
        edition=daily,
        subscriber=reader,
        batch=batch,
        status="deferred",
        papers=[paper.pk for paper in Paper.objects.all()[:3]],
        claimed_at=daily.nominal_at,
    )
    reader.cadence = "weekly"
    reader.save(update_fields=["cadence"])
    assert len(mailed_papers(send_all(a_planned_edition("weekly")))) == 1


@pytest.mark.django_db
def test_a_paper_that_a_mail_had_no_room_for_is_not_remembered(monkeypatch):
    papers(3)
    reader = a_reader(1)

    whole = Press.print

    def cut_short(*arguments):
        mail = whole(*arguments)
        return replace(mail, printed=replace(mail.printed, papers=mail.papers[:2]))

    monkeypatch.setattr(Press, "print", cut_short)
    [mail] = send_all(a_planned_edition()).accepted
    assert len(mail.papers) == 2
    assert all_mailed(reader.pk) == {*mail.papers} == {*Delivery.objects.get().papers}
