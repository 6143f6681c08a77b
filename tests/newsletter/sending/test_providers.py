"""Several providers: by weight, within ceilings and warm-up plans, and each stands in for one
that fails.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.models import Batch, Delivery, DeliveryStatus, Edition, Provider
from newsletter.models.rate import ProviderRate
from newsletter.sending import providers, sender
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.providers import (
    choose_provider,
    failed,
    limits_of,
    others,
    warm_up_ceiling,
    worked,
)
from newsletter.sending.rate import Budget
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import PermanentForAll, Throttled, Uncertain
from tests.newsletter.sending.ways_out import HandClock, Mailbox, after_accepting, always
from tests.newsletter.world import a_planned_edition, papers, readers

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(settings) -> None:
    settings.MAIL_PROVIDERS = ["left", "right"]
    Provider.objects.create(name="left", weight=3)
    Provider.objects.create(name="right", weight=1)


@pytest.fixture
def edition(settings) -> Edition:
    settings.BATCH_SIZE = 4
    papers(6)
    readers(8)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


@pytest.fixture
def out(monkeypatch, two) -> dict[str, Mailbox]:
    """A mailbox for each provider; the left one comes first while it is well."""
    boxes = {name: Mailbox() for name in ("left", "right")}
    for name, box in boxes.items():
        box.name = name
    monkeypatch.setattr(sender, "transport_of", boxes.__getitem__)
    monkeypatch.setattr(providers._dice, "choices", lambda rows, _weights: rows)
    return boxes


def run(clock: HandClock, times: int = 1) -> None:
    for _ in range(times):
        for batch_id in due_batches(clock()):
            send_batch(batch_id, clock)
        clock.forward(minutes=2)


def test_batches_follow_the_weights(two):
    chosen = Counter(choose_provider(NOW) for _ in range(800))
    assert 500 < chosen["left"] < 700
    assert chosen["left"] + chosen["right"] == 800


def test_a_weight_of_nothing_takes_a_provider_out(two):
    Provider.objects.filter(name="left").update(weight=0)
    assert {choose_provider(NOW) for _ in range(20)} == {"right"}
    assert not others("right", NOW)


def test_a_single_provider_needs_no_row(settings, django_assert_num_queries):
    settings.MAIL_PROVIDERS = ["postmark"]
    with django_assert_num_queries(0):
        assert choose_provider(NOW) == "postmark"


def test_own_limits_come_before_the_settings(settings):
    settings.SEND_RATE, settings.HOURLY_QUOTA, settings.DAILY_QUOTA = 5, 100, 1000
    Provider.objects.create(name="left", per_hour=40, per_second=0)
    limits = limits_of("left", NOW)
    assert (limits.per_second, limits.per_hour, limits.per_day) == (0, 40, 1000)
    assert limits_of("unknown", NOW).per_hour == 100


@pytest.mark.parametrize(
    ("day", "ceiling"), [(-1, 200), (0, 200), (1, 300), (2, 450), (10, 1000), (400, 1000)]
)
def test_a_warm_up_grows_from_day_to_day_to_the_ordinary_ceiling(day, ceiling):
    Provider.objects.create(
        name="left", per_day=1000, warm_up_from=NOW.date(), warm_up_first=200, warm_up_growth=1.5
    )
    assert limits_of("left", NOW + timedelta(days=day)).per_day == ceiling


def test_a_warm_up_without_an_ordinary_ceiling_ends_some_day():
    row = Provider(name="left", warm_up_from=date(2020, 1, 1), warm_up_first=1)
    assert warm_up_ceiling(row, NOW) is None


def test_a_provider_that_has_carried_what_it_may_is_passed_over(two):
    Provider.objects.filter(name="left").update(per_day=10)
    Budget("left", limits_of("left", NOW)).take(10, NOW)
    assert {choose_provider(NOW) for _ in range(20)} == {"right"}


def test_a_paused_provider_is_passed_over_while_it_is_paused(two):
    ProviderRate.objects.create(provider="left", rate=1, paused_until=NOW + timedelta(minutes=1))
    assert {choose_provider(NOW) for _ in range(20)} == {"right"}
    assert "left" in {choose_provider(NOW + timedelta(minutes=1)) for _ in range(40)}


def test_rests_grow_and_end_with_the_first_mail(two):
    waits, now = [], NOW
    for _ in range(8):
        failed("left", "535 no", now)
        rests_until = Provider.objects.get(name="left").rests_until
        waits.append(rests_until - now)
        now = rests_until
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=2), timedelta(hours=1))
    worked("left", now - timedelta(seconds=1))
    assert Provider.objects.get(name="left").rests_until == now
    worked("left", now)
    assert Provider.objects.get(name="left").rests_until is None


def test_what_a_provider_carried_before_it_failed_ends_no_rest(out, edition, clock):
    out["left"]._script = lambda number, _: (
        PermanentForAll("402 no credit") if number == 2 else None
    )
    send_batch(due_batches(clock())[0], clock)
    assert len(out["left"].accepted) == 2
    assert Provider.objects.get(name="left").rests_until == clock() + timedelta(minutes=2)
    assert choose_provider(clock()) == "right"


def test_rests_and_pauses_set_by_a_clock_far_ahead_are_not_waited_for(two):
    failed("left", "535 no", NOW + timedelta(days=900))
    ProviderRate.objects.create(provider="right", rate=1, paused_until=NOW + timedelta(days=900))
    assert {choose_provider(NOW) for _ in range(80)} == {"left", "right"}
    failed("left", "535 no", NOW)
    assert {choose_provider(NOW) for _ in range(20)} == {"right"}


def test_many_connections_that_fail_at_once_are_one_failure(out, edition, clock):
    out["left"].width = 4
    out["left"]._script = always(lambda: PermanentForAll("401 no such key"))
    now = clock()
    send_batch(due_batches(now)[0], clock)
    assert out["left"].tried == 4
    assert Provider.objects.get(name="left").rests_until == now + timedelta(minutes=2)


def test_when_all_rest_nothing_is_claimed(out, edition, clock):
    failed("left", "no", clock())
    failed("right", "no", clock())
    assert not send_batch(due_batches(clock())[0], clock)
    assert Batch.objects.filter(state="planned").count() == 2


def test_a_provider_that_refuses_everything_is_replaced_without_a_person(out, edition, clock):
    out["left"]._script = always(lambda: PermanentForAll("535 wrong password"))
    run(clock, 3)
    edition.refresh_from_db()
    assert edition.paused_at is None
    assert Provider.objects.get(name="left").rests_because == "535 wrong password"
    assert len(out["right"].accepted) == 8
    assert books(edition).sent == 8


def test_the_last_provider_that_refuses_everything_stops_the_run(out, edition, clock):
    for box in out.values():
        box._script = always(lambda: PermanentForAll("535 wrong password"))
    run(clock, 3)
    edition.refresh_from_db()
    assert edition.paused_reason == "535 wrong password"


def test_what_a_throttled_provider_left_goes_on_with_another_at_once(out, edition, clock):
    out["left"]._script = lambda number, _: Throttled("429", 600) if number == 1 else None
    run(clock)
    run(clock)
    assert (len(out["left"].accepted), len(out["right"].accepted)) == (1, 7)
    assert set((out["left"].addresses + out["right"].addresses).values()) == {1}


def test_an_uncertain_delivery_never_moves_to_another_provider(out, edition, clock):
    out["left"]._script = lambda number, _: (
        after_accepting(Uncertain("no answer")) if number == 1 else None
    )
    run(clock)
    failed("left", "gone", clock())
    run(clock, 3)
    assert Delivery.objects.get(status=DeliveryStatus.UNCERTAIN).batch.provider == "left"
    assert set((out["left"].addresses + out["right"].addresses).values()) == {1}
    assert (books(edition).sent, books(edition).uncertain) == (7, 1)


def test_a_provider_that_knows_repeats_is_offered_an_uncertain_mail_again(out, edition, clock):
    box = out["left"]
    box.knows_repeats = True
    box._script = lambda number, _: (
        after_accepting(Uncertain("no answer")) if number in (1, 2) else None
    )
    run(clock)
    assert books(edition).sent == 8
    again = [mail for mail in box.accepted if box.addresses[mail.address] == 3]
    assert len({(mail.key, mail.printed.text) for mail in again}) == 1


def test_a_provider_that_knows_repeats_is_not_asked_for_ever(out, edition, clock):
    box = out["left"]
    box.knows_repeats = True
    box._script = lambda _, mail: (
        Uncertain("no answer") if mail.address.startswith("reader3") else None
    )
    run(clock)
    assert (books(edition).sent, books(edition).uncertain) == (7, 1)
