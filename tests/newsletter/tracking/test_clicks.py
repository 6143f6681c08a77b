"""Clicks are measured when they happen and count only where a person is likely to have made
them.
"""

from datetime import timedelta

import pytest
from django.db import OperationalError

from newsletter import tasks
from newsletter.models import Click
from newsletter.ranking.taste import describe
from newsletter.tracking import clicks
from newsletter.tracking.clicks import judge_clicks, record_click
from subscriptions.models import Subscriber
from tests.newsletter import world
from tests.newsletter.poison import a_taste, with_profile
from tests.newsletter.tracking.conftest import HANDED_OVER

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
LATER = HANDED_OVER + timedelta(hours=2)


def click(delivery, place, after, headers=BROWSER):
    record_click(delivery, delivery.papers[place], headers, HANDED_OVER + after)


def counted():
    return list(Click.objects.filter(counted=True).values_list("paper_id", flat=True))


def test_a_click_some_time_after_the_mail_counts_and_teaches(delivery):
    click(delivery, 0, timedelta(minutes=30))
    assert judge_clicks(LATER) == 1
    reader = Subscriber.objects.select_related("profile").get(pk=delivery.subscriber_id)
    assert dict(describe(bytes(reader.profile.taste)))["protein"] > 0


def test_nothing_is_learned_before_a_click_is_judged(delivery):
    click(delivery, 0, timedelta(minutes=30))
    assert judge_clicks(HANDED_OVER + timedelta(minutes=31)) == 0
    assert Click.objects.get().counted is None


def test_judging_again_counts_nothing_twice(delivery):
    click(delivery, 0, timedelta(minutes=30))
    assert judge_clicks(LATER) == 1
    assert judge_clicks(LATER) == 0


def test_a_click_on_arrival_is_a_filter(delivery):
    click(delivery, 0, timedelta(seconds=5))
    assert judge_clicks(LATER) == 0
    assert Click.objects.get().counted is False


def test_a_person_counts_after_the_filter_has_looked(delivery):
    for place in range(5):
        click(delivery, place, timedelta(seconds=3 + place))
    click(delivery, 2, timedelta(hours=1))
    judge_clicks(LATER)
    assert counted() == [delivery.papers[2]]


@pytest.mark.parametrize("pause", [0, 4, 9])
def test_many_papers_in_a_burst_are_a_filter_however_late(delivery, pause):
    for place in range(4):
        click(delivery, place, timedelta(hours=1, seconds=pause * place))
    judge_clicks(LATER)
    assert counted() == []


def test_reading_one_after_the_other_is_no_burst(delivery):
    for place in range(4):
        click(delivery, place, timedelta(minutes=10 + 2 * place))
    assert judge_clicks(LATER) == 4


def test_a_paper_counts_once_however_often_it_is_opened(delivery):
    for minutes in (10, 20, 50):
        click(delivery, 0, timedelta(minutes=minutes))
    assert judge_clicks(LATER) == 1
    click(delivery, 0, timedelta(hours=3))
    assert judge_clicks(LATER + timedelta(hours=3)) == 0


@pytest.mark.parametrize(
    "headers",
    [
        BROWSER | {"Sec-GPC": "1"},
        BROWSER | {"DNT": "1"},
        {"User-Agent": "Mozilla/5.0 (compatible; Proofpoint URL Defense)"},
        {},
        {"User-Agent": "SafeLinksBot/1.0"},
        {"User-Agent": "python-requests/2.32"},
        BROWSER | {"Sec-Purpose": "prefetch;prerender"},
        BROWSER | {"Purpose": "prefetch"},
        BROWSER | {"X-Moz": "prefetch"},
    ],
)
def test_who_says_to_be_a_machine_or_refuses_tracking_is_not_measured(delivery, headers):
    click(delivery, 0, timedelta(hours=1), headers)
    assert not Click.objects.exists()


def test_a_machine_that_comes_back_for_ever_fills_no_table(delivery, monkeypatch):
    monkeypatch.setattr(clicks, "MOST_A_DELIVERY", 3)
    for seconds in range(10):
        click(delivery, 0, timedelta(hours=1, seconds=seconds))
    assert Click.objects.count() == 3


def test_the_task_judges(delivery):
    click(delivery, 0, timedelta(minutes=30))
    tasks.judge_clicks(at=LATER.isoformat())
    assert counted() == [delivery.papers[0]]


def test_clicks_from_which_nothing_can_be_learned_stop_no_others_and_are_not_met_again(
    delivery, monkeypatch
):
    edition = delivery.edition
    other = edition.deliveries.create(
        subscriber=world.a_reader(2),
        batch=delivery.batch,
        status="sent",
        papers=delivery.papers,
        parts=delivery.parts,
        claimed_at=HANDED_OVER,
        settled_at=HANDED_OVER,
    )
    click(delivery, 0, timedelta(minutes=30))
    click(other, 1, timedelta(minutes=40))
    really = clicks.teach

    def teach(subscriber_id, events, *, now):
        if subscriber_id == delivery.subscriber_id:
            raise ZeroDivisionError
        return really(subscriber_id, events, now=now)

    monkeypatch.setattr(clicks, "teach", teach)
    assert judge_clicks(LATER) == 1
    assert counted() == [delivery.papers[1]]
    assert not Click.objects.filter(counted=None).exists()


def test_a_database_that_is_away_leaves_clicks_to_the_next_time(delivery, monkeypatch):
    def away(*_arguments, **_named):
        raise OperationalError("the connection is gone")

    click(delivery, 0, timedelta(minutes=30))
    monkeypatch.setattr(clicks, "teach", away)
    with pytest.raises(OperationalError):
        judge_clicks(LATER)
    assert Click.objects.get().counted is None


@pytest.mark.parametrize("taste", [b"no taste", a_taste(version=2), a_taste(scale=float("nan"))])
def test_a_click_of_a_reader_with_an_unreadable_taste_begins_a_new_one(delivery, taste):
    with_profile(delivery.subscriber, taste=taste)
    click(delivery, 0, timedelta(minutes=30))
    assert judge_clicks(LATER) == 1
    reader = Subscriber.objects.select_related("profile").get(pk=delivery.subscriber_id)
    assert dict(describe(bytes(reader.profile.taste)))["protein"] > 0
