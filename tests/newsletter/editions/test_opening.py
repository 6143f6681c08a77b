"""Editions open once a day and cadence, and follow what is known until they are frozen."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError

from ingest.joining import merge
from ingest.models import Paper
from newsletter.editions import (
    WrongState,
    candidates_of,
    curate,
    freeze,
    hold,
    latest_day,
    nominal_instant,
    open_edition,
    opening,
    rebuild,
)
from newsletter.editions import day as course
from newsletter.editions.day import look_after_editions
from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.models import Alert, AlertKind, CurationKind, Edition, EditionState
from tests.newsletter.world import DAY, FREEZE, a_paper, a_source, listed, papers

pytestmark = pytest.mark.django_db

EVENING_BEFORE = FREEZE - timedelta(hours=3)


def candidate_ids(edition) -> set[int]:
    return {paper.id for paper in candidates_of(edition)}


def test_opening_twice_is_one_edition():
    assert open_edition("daily", DAY, EVENING_BEFORE) == open_edition("daily", DAY, FREEZE)
    assert Edition.objects.count() == 1


def test_the_nominal_instant_is_the_edition_hour_in_utc(settings):
    settings.EDITION_HOUR = 7
    assert nominal_instant(DAY) == datetime(2026, 1, 14, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 1, 14, 1, 59, tzinfo=UTC), 13),
        (datetime(2026, 1, 14, 2, 0, tzinfo=UTC), 14),
        (datetime(2026, 1, 15, 1, 59, tzinfo=UTC), 14),
    ],
)
def test_the_edition_of_a_day_is_due_from_its_review_on(now, day):
    assert latest_day("daily", now).day == day


def test_the_weekly_edition_is_due_on_its_weekday_only(settings):
    settings.EDITION_WEEKDAY = 4
    assert latest_day("weekly", FREEZE) is None
    assert latest_day("weekly", FREEZE + timedelta(days=2)) == DAY + timedelta(days=2)


def test_candidates_come_from_the_days_of_the_window():
    inside, outside, tomorrow = (
        a_paper(1, day=DAY - timedelta(days=4)),
        a_paper(2, day=DAY - timedelta(days=5)),
        a_paper(3, day=DAY + timedelta(days=1)),
    )
    assert candidate_ids(open_edition("daily", DAY, FREEZE)) == {inside.pk}
    assert outside.pk
    assert tomorrow.pk


def test_more_days_may_be_asked_for_and_are_remembered():
    old = a_paper(1, day=DAY - timedelta(days=400))
    edition = open_edition("daily", DAY, FREEZE, days=401)
    rebuild(edition, FREEZE)
    assert candidate_ids(edition) == {old.pk}


def test_rebuilding_takes_in_what_came_since():
    edition = open_edition("daily", DAY, EVENING_BEFORE)
    new = a_paper(1)
    rebuild(edition, FREEZE)
    assert candidate_ids(edition) == {new.pk}


def test_a_withdrawn_paper_is_no_candidate():
    edition = open_edition("daily", DAY, EVENING_BEFORE)
    gone, stays = papers(2)
    Paper.objects.filter(pk=gone.pk).update(withdrawn_at=FREEZE)
    rebuild(edition, FREEZE)
    assert candidate_ids(edition) == {stays.pk}


def test_a_merged_paper_gives_its_listings_and_votes_to_the_one_that_stays():
    stays = a_paper(1, day=DAY - timedelta(days=300), votes=None)
    merged = a_paper(2, votes=40)
    merge(merged, stays, now=FREEZE, by=None)
    [candidate] = candidates_of(open_edition("daily", DAY, FREEZE))
    assert (candidate.id, candidate.votes, candidate.duplicates_of) == (stays.pk, 40, (merged.pk,))


def test_growth_compares_with_the_count_of_a_day_before():
    paper = a_paper(1, votes=None)
    for hours, votes in [(48, 10), (25, 30), (2, 70), (1, 80)]:
        listed(paper, DAY, votes, seen_at=FREEZE - timedelta(hours=hours))
    [candidate] = candidates_of(open_edition("daily", DAY, FREEZE))
    assert (candidate.votes, candidate.votes_before) == (80, 30)


def test_without_an_older_count_growth_is_unknown_rather_than_all():
    a_paper(1, votes=80)
    [candidate] = candidates_of(open_edition("daily", DAY, FREEZE))
    assert candidate.votes_before is None


def test_counts_seen_after_the_given_instant_are_not_known_yet():
    paper = a_paper(1, votes=5)
    listed(paper, DAY, 99, seen_at=FREEZE + timedelta(hours=1))
    [candidate] = candidates_of(open_edition("daily", DAY, FREEZE))
    assert candidate.votes == 5


def test_a_paper_on_two_sources_is_one_candidate_with_the_greater_count():
    paper = a_paper(1, votes=5)
    listed(paper, DAY - timedelta(days=1), 9, source=a_source("other"))
    [candidate] = candidates_of(open_edition("daily", DAY, FREEZE))
    assert (candidate.votes, candidate.listed) == (9, DAY - timedelta(days=1))


def test_the_latest_decision_of_each_kind_is_in_force():
    paper = a_paper(1)
    edition = open_edition("daily", DAY, FREEZE)
    curate(edition, paper, CurationKind.BOOST, None, FREEZE, 50)
    curate(edition, paper, CurationKind.BOOST, None, FREEZE, -20)
    curate(edition, paper, CurationKind.PIN, None, FREEZE)
    curate(edition, paper, CurationKind.NOTE, None, FREEZE, "Read this one.")
    [candidate] = candidates_of(edition)
    assert (candidate.boost, candidate.pinned, candidate.note) == (-20, True, "Read this one.")
    assert edition.curations.count() == 4


def test_pins_are_in_the_order_in_which_staff_set_them():
    first, second, third, other = papers(4)
    edition = open_edition("daily", DAY, FREEZE)
    for paper, value in [(third, 1), (first, 1), (second, 1), (first, 1), (third, 0), (third, 1)]:
        curate(edition, paper, CurationKind.PIN, None, FREEZE, value)
    curate(edition, other, CurationKind.BOOST, None, FREEZE, 10)
    places = {candidate.id: candidate.pin_place for candidate in candidates_of(edition)}
    assert places == {first.pk: 1, second.pk: 2, third.pk: 3, other.pk: 0}


def test_decisions_on_a_paper_follow_it_when_it_is_merged():
    pinned, hidden, *targets = papers(4)
    edition = open_edition("daily", DAY, FREEZE)
    curate(edition, pinned, CurationKind.PIN, None, FREEZE)
    curate(edition, hidden, CurationKind.HIDE, None, FREEZE)
    for paper, into in zip((pinned, hidden), targets, strict=True):
        merge(paper, into, now=FREEZE, by=None)
    rebuild(edition, FREEZE)
    [candidate] = candidates_of(edition)
    assert (candidate.id, candidate.pin_place) == (targets[0].pk, 1)


def test_a_hidden_paper_is_no_candidate_until_it_is_shown_again():
    paper = a_paper(1)
    edition = open_edition("daily", DAY, FREEZE)
    curate(edition, paper, CurationKind.HIDE, None, FREEZE)
    assert candidate_ids(edition) == set()
    curate(edition, paper, CurationKind.HIDE, None, FREEZE, 0)
    assert candidate_ids(edition) == {paper.pk}


@pytest.mark.parametrize(
    ("action", "value"),
    [("boost", 101), ("pin", 2), ("note", 5), ("hide", "yes"), ("note", "x" * 501)],
)
def test_a_decision_that_makes_no_sense_is_refused(action, value):
    edition, paper = open_edition("daily", DAY, FREEZE), a_paper(1)
    with pytest.raises(ValueError, match=r"takes a number|is a text"):
        curate(edition, paper, action, None, FREEZE, value)


def test_an_edition_is_found_by_its_name_and_by_its_number():
    edition = open_edition("daily", DAY, FREEZE)
    assert find_edition("daily/2026-01-14") == find_edition(str(edition.pk)) == edition


@pytest.mark.parametrize(
    "name", ["daily/2026-01-15", "daily/yesterday", "hourly/2026-01-14", "", "99", "x"]
)
def test_an_unknown_name_says_how_a_name_looks(name):
    open_edition("daily", DAY, FREEZE)
    with pytest.raises(UnknownEdition, match="daily/2025-01-10"):
        find_edition(name)


def test_rebuilding_a_frozen_edition_changes_nothing():
    papers(2)
    edition = open_edition("daily", DAY, FREEZE)
    assert freeze(edition.pk, FREEZE)
    a_paper(9)
    rebuild(edition, FREEZE)
    assert edition.candidates.count() == 2


@pytest.fixture
def unreadable(monkeypatch):
    """Return the cadence of which no candidates can be collected, until it is emptied."""
    broken = ["daily"]
    really = {name: getattr(module, name) for module, name in COLLECTS}

    def unless_broken(name):
        def work(edition, *arguments):
            found = edition if isinstance(edition, Edition) else Edition.objects.get(pk=edition)
            if found.cadence in broken:
                raise ZeroDivisionError
            return really[name](edition, *arguments)

        return work

    for module, name in COLLECTS:
        monkeypatch.setattr(module, name, unless_broken(name))
    return broken


COLLECTS = ((course, "rebuild"), (opening, "rebuild"))


def test_an_edition_whose_papers_cannot_be_collected_stops_no_other(unreadable, settings):
    settings.EDITION_WEEKDAY = DAY.weekday()
    papers(2)
    for failures in (1, 2, 3):
        look_after_editions(EVENING_BEFORE)
        alert = Alert.objects.get()
        assert (alert.edition.cadence, alert.kind) == ("daily", AlertKind.COLLECTING)
        assert alert.failures == failures
        assert Alert.objects.shown().exists() == (failures == 3)
    assert alert.reason.startswith("ZeroDivisionError at ")
    assert Edition.objects.get(cadence="weekly").candidates.count() == 2


def test_a_held_edition_whose_papers_cannot_be_collected_is_told_of_too(unreadable):
    papers(2)
    edition = open_edition("weekly", DAY, EVENING_BEFORE)
    hold(edition, "look first", EVENING_BEFORE)
    unreadable.append("weekly")
    for _ in range(3):
        look_after_editions(EVENING_BEFORE)
    assert Alert.objects.shown().filter(edition=edition).get().kind == AlertKind.COLLECTING


def test_an_edition_whose_papers_are_collected_at_last_asks_nobody(unreadable):
    papers(2)
    for _ in range(3):
        look_after_editions(EVENING_BEFORE)
    unreadable.clear()
    look_after_editions(EVENING_BEFORE)
    assert not Alert.objects.standing().exists()
    assert Edition.objects.get().candidates.count() == 2


@pytest.mark.parametrize(
    "error", [DataError("value out of range"), WrongState("cancelled meanwhile")]
)
def test_an_edition_that_can_be_neither_frozen_nor_held_stops_no_other(
    monkeypatch, settings, error
):
    settings.EDITION_WEEKDAY = DAY.weekday()
    papers(2)
    really = course.freeze_or_hold

    def freeze_or_hold(edition, now):
        if edition.cadence == "daily":
            raise error
        return really(edition, now)

    look_after_editions(EVENING_BEFORE)
    monkeypatch.setattr(course, "freeze_or_hold", freeze_or_hold)
    look_after_editions(FREEZE)
    assert Edition.objects.get(cadence="weekly").state == EditionState.FROZEN
    assert Alert.objects.get().reason.startswith(type(error).__name__)
