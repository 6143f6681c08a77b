"""Rows are deleted when their period is over; what someone needs stays."""

import time
from datetime import timedelta

import pytest
import structlog.testing
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingest.models import Count, Fetch, Listing, Run
from ingest.recording import record
from ingest.sighting import Parsed
from newsletter import retention
from newsletter.editions import WrongState
from newsletter.editions.pickup import pickup_model
from newsletter.models import (
    Batch,
    BatchState,
    Click,
    CompiledEdition,
    Delivery,
    DeliveryStatus,
    Edition,
    EditionState,
    MailedHistory,
    ProviderEvent,
)
from newsletter.retention import delete_old_rows
from newsletter.sending import frozen, press
from newsletter.sending.books import books
from newsletter.sending.control import retry_failed
from newsletter.sending.history import forget, mailed_among
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from subscriptions.models import (
    AddressChange,
    Letter,
    LetterState,
    Profile,
    SignUp,
    Subscriber,
    SubscriberState,
)
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.registry import erase_reader
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from subscriptions.tokens import Power, sign
from tests.newsletter import world
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.subscriptions.readers import DAY, HOUR, NOW, a_change, a_letter, a_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten_editions():
    """Another test's edition may have had the same number."""
    frozen.forget()
    press.forget()


@pytest.fixture
def log(monkeypatch):
    found = structlog.testing.CapturingLogger()
    monkeypatch.setattr(retention, "log", found)
    return found


def a_sent_edition(day=world.DAY, readers=4) -> Edition:
    """An edition that is done: one digest failed, the others were sent."""
    edition = world.a_planned_edition(day=day)
    at = edition.nominal_at + timedelta(hours=3, minutes=1)
    for batch in edition.batches.all():
        send_batch(batch.pk, HandClock(at), Mailbox())
    sweep(at, only=edition)
    edition.refresh_from_db()
    assert edition.state == EditionState.DONE
    return edition


@pytest.fixture
def old() -> Edition:
    """A finished edition, and a newer one of its cadence."""
    world.papers(6)
    world.readers(4)
    edition = a_sent_edition()
    failed = edition.deliveries.order_by("pk").first()
    Delivery.objects.filter(pk=failed.pk).update(status=DeliveryStatus.FAILED, reason="refused")
    world.papers(3, first=20, day=world.DAY + DAY)
    world.a_frozen_edition(day=world.DAY + DAY)
    return edition


def after(days: int):
    return world.NOON + timedelta(days=days)


def test_deliveries_batches_and_what_was_compiled_go_together_and_the_books_stay(old, settings):
    settings.KEEP_DELIVERIES_DAYS = 90
    before = books(old)
    assert before.sent == 3
    assert before.failed == 1
    click = Click.objects.create(
        delivery=old.deliveries.last(), paper_id=old.deliveries.last().papers[0], at=world.NOON
    )
    delete_old_rows(after(89))
    assert old.deliveries.count() == 4
    deleted = delete_old_rows(after(91))
    assert deleted["deliveries"] > 4
    assert not Delivery.objects.exists()
    assert not Batch.objects.filter(edition=old).exists()
    assert not CompiledEdition.objects.filter(edition=old).exists()
    assert not Click.objects.filter(pk=click.pk).exists()
    old.refresh_from_db()
    assert bytes(old.statistics) == b""
    assert books(old) == before
    assert delete_old_rows(after(91))["deliveries"] == 0
    assert books(old) == before


def test_the_newest_edition_of_a_cadence_keeps_everything_however_old_it_is():
    world.papers(6)
    world.readers(2)
    edition = a_sent_edition()
    delete_old_rows(after(4000))
    edition.refresh_from_db()
    assert edition.deliveries.count() == 2
    assert bytes(edition.statistics)
    assert edition.compiled.exists()
    assert edition.candidates.count() == 6


@pytest.mark.parametrize("state", [EditionState.SENDING, EditionState.FROZEN])
def test_an_edition_that_is_not_finished_keeps_its_deliveries(old, state):
    Edition.objects.filter(pk=old.pk).update(state=state, done_at=None)
    delete_old_rows(after(91))
    assert old.deliveries.count() == 4
    assert old.deliveries.filter(profile=None).count() == 0


def test_a_cancelled_edition_waits_for_its_batches_to_be_written_off(old):
    Edition.objects.filter(pk=old.pk).update(state=EditionState.CANCELLED)
    late = old.batches.create(
        slot_at=world.NOON,
        send_after=world.NOON,
        planned_count=1,
        subscriber_ids=[world.a_reader(9).pk],
    )
    delete_old_rows(after(91))
    assert old.deliveries.count() == 4
    sweep(after(91))
    late.refresh_from_db()
    assert late.state == BatchState.CANCELLED
    delete_old_rows(after(91))
    assert not old.deliveries.exists()
    old.refresh_from_db()
    assert books(old).cancelled == 1


def test_the_mailed_history_has_every_paper_before_its_delivery_goes(old, log):
    mailed = {
        delivery.subscriber_id: set(delivery.papers)
        for delivery in old.deliveries.filter(status=DeliveryStatus.SENT)
    }
    reader = next(iter(mailed))
    MailedHistory.objects.filter(subscriber=reader).delete()
    delete_old_rows(after(91))
    papers = set.union(*mailed.values())
    found = mailed_among(mailed, papers)
    assert found == mailed
    assert [call.kwargs for call in log.calls if call.method_name == "warning"] == [{"readers": 1}]
    # A paper that is known already is not written twice.
    assert all(
        len(row.offsets) // 2 == len(mailed[row.subscriber_id])
        for row in MailedHistory.objects.exclude(subscriber=reader).filter(subscriber__in=mailed)
    )
    forget({reader: papers})


def test_nothing_of_an_edition_is_sent_again_once_its_deliveries_are_being_deleted(
    old, monkeypatch
):
    first = next(retention._deliveries(after(91)))
    assert first
    with pytest.raises(WrongState, match="is old"):
        retry_failed(old.pk, after(91))
    old.refresh_from_db()
    assert old.state == EditionState.DONE


def test_old_deliveries_forget_their_profile_and_unused_profiles_are_deleted(old):
    reader = Subscriber.objects.first()
    shared = reader.profile_id
    Subscriber.objects.update(profile=world.a_profile(topics=(), phrases=("something new",)))
    assert not delete_old_rows(after(29))["profiles_of_deliveries"]
    assert Profile.objects.filter(pk=shared).exists()
    deleted = delete_old_rows(after(31))
    assert deleted["profiles_of_deliveries"] == 4
    assert not old.deliveries.exclude(profile=None).exists()
    assert not Profile.objects.filter(pk=shared).exists()
    assert Profile.objects.count() == 1
    with CaptureQueriesContext(connection) as queries:
        delete_old_rows(after(31))
    assert not any('UPDATE "newsletter_delivery"' in query["sql"] for query in queries)


def test_a_profile_that_a_young_delivery_names_stays(old):
    named = Subscriber.objects.first().profile_id
    Subscriber.objects.update(profile=world.a_profile(topics=(), phrases=("something new",)))
    old.nominal_at = after(20)
    old.save(update_fields=["nominal_at"])
    delete_old_rows(after(40))
    assert Profile.objects.filter(pk=named).exists()


def test_erasing_a_reader_deletes_that_readers_own_profile_and_no_other_one(old):
    reader = Subscriber.objects.first()
    own = world.a_profile(topics=(), phrases=("mine alone",))
    shared = reader.profile_id
    Subscriber.objects.filter(pk=reader.pk).update(profile=own)
    unrelated = world.a_profile(topics=(), phrases=("of somebody who has left it",))
    with CaptureQueriesContext(connection) as queries:
        receipt = erase_reader(Subscriber.objects.get(pk=reader.pk), now=world.NOON + HOUR)
    assert receipt["profiles"] == 1
    assert not Profile.objects.filter(pk=own.pk).exists()
    assert Profile.objects.filter(pk__in=[shared, unrelated.pk]).count() == 2
    # Every question about unused profiles names the profiles it asks about.
    asked = [q["sql"] for q in queries if "NOT EXISTS" in q["sql"] or "NOT (EXISTS" in q["sql"]]
    assert asked
    assert all('"subscriptions_profile"."id" IN (' in sql for sql in asked)


def test_an_old_edition_keeps_its_best_papers_and_its_page(client, settings, monkeypatch):
    monkeypatch.setattr(retention, "CANDIDATES_KEPT", 5)
    world.papers(9)
    edition = a_sent_edition(readers=0)
    world.papers(2, first=20, day=world.DAY + DAY)
    world.a_frozen_edition(day=world.DAY + DAY)
    page = f"/editions/daily/{world.DAY}/"
    titles = [story.title for story in client.get(page).context["page"]]
    assert not delete_old_rows(after(364))["candidates"]
    assert delete_old_rows(after(366))["candidates"] == 4
    cache.clear()  # a public page is kept for a minute
    assert [story.title for story in client.get(page).context["page"]] == titles[:5]
    assert edition.candidates.count() == 5
    assert not delete_old_rows(after(366))["candidates"]


def test_the_pages_of_a_deleted_delivery_say_that_it_is_over(client, old):
    delivery = old.deliveries.filter(status=DeliveryStatus.SENT).first()
    paper = delivery.papers[0]
    view = reverse("digest", args=[sign(Power.VIEW, delivery.pk)])
    read = reverse("read", args=[sign(Power.ACT, delivery.pk, now=world.NOON), paper])
    assert client.get(view).status_code == 200
    delete_old_rows(after(91))
    gone = client.get(view)
    assert gone.status_code == 410
    assert "We keep a digest for 90 days" in gone.content.decode()
    moved = client.get(read)
    assert moved.status_code == 302
    assert moved["Location"].startswith("https://arxiv.org/abs/")
    unknown = reverse("read", args=[sign(Power.ACT, delivery.pk, now=world.NOON), 10**9])
    assert client.get(unknown).status_code == 404


def test_a_link_that_still_counts_leads_nowhere_but_to_the_papers_of_its_delivery(client, old):
    delivery = old.deliveries.filter(status=DeliveryStatus.SENT).first()
    paper = delivery.papers[0]
    token = sign(Power.ACT, delivery.pk + 10**6, now=after(3000))
    assert client.get(reverse("read", args=[token, paper])).status_code == 404


def test_an_old_listing_keeps_its_newest_and_its_highest_count():
    paper = world.a_paper(1, votes=1)
    listing = paper.listings.get()
    for hour, votes in ((2, 40), (3, 70), (4, 70), (5, 30), (6, None), (7, 50)):
        Count.objects.create(
            listing=listing, seen_at=world.NOON + timedelta(hours=hour), votes=votes
        )
    announced = world.a_paper(2, votes=None).listings.get()
    Count.objects.create(listing=announced, seen_at=world.NOON, votes=None, rank=3)
    young = world.a_paper(3, day=world.DAY + 50 * DAY, votes=1).listings.get()
    Count.objects.create(listing=young, seen_at=after(51), votes=2)
    assert not delete_old_rows(after(89))["counts"]
    assert delete_old_rows(after(95))["counts"] == 6
    assert sorted(listing.counts.values_list("votes", flat=True)) == [50, 70]
    assert announced.counts.count() == 1
    assert young.counts.count() == 2
    assert list(Listing.objects.filter(counts_thinned=False)) == [young]


def test_the_vote_forecast_learns_the_same_from_thinned_counts(monkeypatch):
    monkeypatch.setattr("newsletter.editions.pickup._learned", lambda listed, _day: listed)
    for number in range(1, 8):
        listing = world.a_paper(number, votes=number).listings.get()
        for hour in range(3):
            Count.objects.create(
                listing=listing,
                seen_at=world.NOON + timedelta(hours=hour),
                votes=(number * 7 + hour * 13) % 29,
            )
    world.a_paper(9, votes=None)
    day = after(120).date()
    before = pickup_model(day)
    assert delete_old_rows(after(120))["counts"] > 0
    assert pickup_model(day) == before


def test_raw_bytes_go_after_their_time_and_never_those_of_a_younger_fetch(settings):
    settings.RAW_BODY_DAYS = 30
    source = world.a_source()
    for days, body in ((40, b"old"), (40, b"seen again"), (1, b"seen again")):
        record(source, Parsed(), now=NOW - days * DAY, origin="x", body=body)
    assert delete_old_rows(NOW)["raw_bytes"] == 1
    assert [bytes(fetch.body.content) for fetch in Fetch.objects.exclude(body=None)] == [
        b"seen again"
    ]
    assert Fetch.objects.count() == 3


def test_old_fetches_and_runs_go_but_those_that_tell_how_a_source_is(settings):
    source = world.a_source()
    for days in (300, 200, 100, 10):
        fetch = record(source, Parsed(), now=NOW - days * DAY, origin=f"{days}")
        Fetch.objects.filter(pk=fetch.pk).update(listed=1 if days > 150 else 0)
        fetch.rejections.create(line=1, reason="unreadable")
    quiet = world.a_source("quiet")
    record(quiet, Parsed(), now=NOW - 500 * DAY, origin="the only one")
    for days in (300, 200):
        Run.objects.create(
            source=source,
            due_at=NOW - days * DAY,
            window_start=NOW.date(),
            window_end=NOW.date(),
            state="done",
            next_try_at=NOW,
            started_at=NOW - days * DAY,
            finished_at=NOW,
        )
    deleted = delete_old_rows(NOW)
    assert set(Fetch.objects.values_list("origin", flat=True)) == {"200", "10", "the only one"}
    assert deleted["fetches"] == 4  # two fetches with a rejected entry each
    assert [run.started_at for run in Run.objects.all()] == [NOW - 200 * DAY]


def test_judged_clicks_and_what_providers_said_go_before_their_delivery(old, settings):
    settings.KEEP_CLICKS_DAYS = 10
    delivery = old.deliveries.filter(status=DeliveryStatus.SENT).first()
    for number, (days, counted) in enumerate(((0, True), (0, None), (5, True))):
        Click.objects.create(
            delivery=delivery, paper_id=delivery.papers[0], at=after(days), counted=counted
        )
        ProviderEvent.objects.create(
            fingerprint=str(number),
            provider="p",
            kind="opened",
            said_at=after(days),
            received_at=after(days),
            due_at=after(days),
            handled_at=after(days) if counted else None,
        )
    deleted = delete_old_rows(after(11))
    assert deleted["clicks"] == 1
    assert deleted["provider_events"] == 1
    assert old.deliveries.count() == 4


def test_rows_that_stay_hide_no_older_ones_behind_them(monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    reader = a_reader()
    waiting = [a_letter(reader) for _ in range(3)]
    for _ in range(3):
        a_letter(reader, state=LetterState.SENT)
    young = a_letter(reader, state=LetterState.SENT, created_at=NOW + 31 * DAY)
    assert delete_old_rows(NOW + 32 * DAY)["letters"] == 3
    assert set(Letter.objects.all()) == {*waiting, young}


def test_a_sign_up_that_nobody_confirmed_is_forgotten_with_its_address():
    request_sign_up("ada@example.org", Choices(topics=(3,)), Schedule(), origin=NOWHERE, now=NOW)
    Letter.objects.update(state=LetterState.SENT)
    delete_old_rows(NOW + 30 * DAY)
    assert Subscriber.objects.exists()
    delete_old_rows(NOW + 31 * DAY)
    assert not Subscriber.objects.exists()
    assert not SignUp.objects.exists()
    assert not Profile.objects.exists()


def test_readers_and_their_profiles_stay():
    a_reader("active@example.org", choices=Choices(topics=(1,)))
    a_reader("left@example.org", state=SubscriberState.UNSUBSCRIBED, choices=Choices(topics=(2,)))
    delete_old_rows(NOW + 60 * DAY)
    assert Subscriber.objects.count() == 2
    assert Profile.objects.count() == 2


def test_one_who_cannot_be_forgotten_stops_no_other(monkeypatch, log):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 1)
    world.papers(2)
    edition = world.a_frozen_edition()
    kept = world.a_reader(1, state=SubscriberState.PENDING)
    for number in (2, 3):
        world.a_reader(number, state=SubscriberState.PENDING)
    edition.deliveries.create(
        subscriber=kept,
        batch=edition.batches.create(slot_at=world.NOON, send_after=world.NOON),
        status="skipped",
        reason="left",
        claimed_at=world.NOON,
    )
    unused = Profile.objects.of(Choices(phrases=("long ago",)), now=world.NOON)
    assert delete_old_rows(after(60))["unconfirmed_readers"] == 2
    assert list(Subscriber.objects.all()) == [kept]
    assert not Profile.objects.filter(pk=unused.pk).exists()
    assert [call.kwargs for call in log.calls if call.method_name == "error"] == [
        {"readers": [kept.pk]}
    ]


def test_changes_of_address_go_although_a_large_table_before_them_takes_all_the_time(
    monkeypatch, log
):
    """The steps take turns: each deletes something before any of them goes on."""
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 1)
    reader = a_reader()
    a_change(reader)
    for _ in range(5):
        a_letter(reader, state=LetterState.SENT)
    instants = iter([0.0, 0.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(instants, 10**6))
    deleted = delete_old_rows(NOW + 40 * DAY)
    assert deleted["address_changes"] == 1
    assert deleted["letters"] == 1
    assert not AddressChange.objects.exists()
    [summary] = [call.kwargs for call in log.calls if call.method_name == "info"]
    assert "letters" in summary["unfinished"]
    assert summary["letters"] == 1


def test_a_step_that_raises_an_exception_stops_no_other(monkeypatch):
    def broken(_now):
        yield 1
        raise ZeroDivisionError

    monkeypatch.setitem(retention.STEPS, "candidates", broken)
    a_letter(a_reader(), state=LetterState.SENT)
    deleted = delete_old_rows(NOW + 40 * DAY)
    assert deleted["candidates"] == 1
    assert deleted["letters"] == 1


def test_the_log_says_what_was_deleted_and_nothing_of_what_was_not(log):
    a_letter(a_reader(), state=LetterState.SENT)
    delete_old_rows(NOW + 40 * DAY)
    assert [(call.args, call.kwargs) for call in log.calls] == [
        (("old_rows_deleted",), {"unfinished": [], "letters": 1})
    ]


def test_sessions_that_have_run_out_go():
    Session.objects.create(session_key="old", session_data="", expire_date=NOW)
    Session.objects.create(session_key="new", session_data="", expire_date=NOW + 2 * DAY)
    assert delete_old_rows(NOW + DAY)["sessions"] == 1
    assert Session.objects.get().session_key == "new"
