"""A held edition goes on collecting papers, and its release takes in what staff saw."""

from datetime import timedelta

import pytest

from ingest.joining import merge
from newsletter.editions import approve, freeze, hold, open_edition, release
from newsletter.editions.candidates import come_since_hold, is_closed
from newsletter.editions.day import look_after_editions
from newsletter.models import Edition, EditionState
from tests.newsletter.world import DAY, FREEZE, a_paper, listed, papers

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def edition() -> Edition:
    """An edition of two papers, held an hour before its nominal instant."""
    papers(2)
    edition = open_edition("daily", DAY, FREEZE - 3 * HOUR)
    hold(edition, "wait", FREEZE - HOUR)
    return edition


def held_ids(edition) -> set[int]:
    return set(edition.candidates.values_list("paper_id", flat=True))


@pytest.mark.parametrize("later", [-MINUTE, MINUTE, 20 * HOUR])
def test_papers_that_arrive_while_an_edition_is_held_become_candidates(edition, later):
    before = held_ids(edition)
    late = a_paper(7)
    look_after_editions(FREEZE + later)
    assert held_ids(edition) == before | {late.pk}
    assert [candidate.paper for candidate in come_since_hold(edition)] == [late]
    edition.refresh_from_db()
    assert edition.state == EditionState.HELD


def test_what_the_machine_holds_has_no_news_at_first(settings):
    settings.MINIMUM_SOURCES = 2
    edition = open_edition("daily", DAY, FREEZE - 3 * HOUR)
    a_paper(1)
    look_after_editions(FREEZE)  # collects the paper, and holds the edition
    edition.refresh_from_db()
    assert (edition.state, edition.held_at) == (EditionState.HELD, FREEZE)
    assert not come_since_hold(edition).exists()
    late = a_paper(2)
    look_after_editions(FREEZE + MINUTE)
    assert [candidate.paper for candidate in come_since_hold(edition)] == [late]


def test_a_candidate_keeps_the_instant_at_which_it_came(edition):
    late = a_paper(7)
    for minutes in range(3):
        look_after_editions(FREEZE + minutes * MINUTE)
    assert edition.candidates.get(paper=late).since == FREEZE


def test_nobody_is_left_to_get_an_edition_that_was_held_for_days(edition, settings):
    late = a_paper(7)
    look_after_editions(FREEZE + timedelta(days=1, hours=settings.CATCH_UP_HOURS))
    assert late.pk not in held_ids(edition)


def test_a_release_after_the_nominal_instant_takes_in_what_was_there_and_nothing_later(edition):
    seen_while_held = a_paper(7)
    look_after_editions(FREEZE + HOUR)
    shown = held_ids(edition)
    release(edition, FREEZE + HOUR)
    unseen = a_paper(8)
    listed(seen_while_held, DAY, 900, seen_at=FREEZE + HOUR)
    assert is_closed(edition)
    look_after_editions(FREEZE + HOUR + MINUTE)
    edition.refresh_from_db()
    assert edition.state == EditionState.FROZEN
    assert held_ids(edition) == shown
    assert seen_while_held.pk in shown
    assert unseen.pk not in shown
    assert edition.candidates.get(paper=seen_while_held).votes == 900


def test_a_release_before_the_nominal_instant_goes_on_collecting_until_then(edition):
    release(edition, FREEZE - MINUTE)
    assert not is_closed(edition)
    late = a_paper(7)
    look_after_editions(FREEZE)
    edition.refresh_from_db()
    assert edition.state == EditionState.FROZEN
    assert late.pk in held_ids(edition)


def test_an_approval_after_the_nominal_instant_takes_in_what_was_there_too():
    [paper] = papers(1)
    edition = open_edition("daily", DAY, FREEZE - HOUR)
    approve(edition, FREEZE)
    a_paper(7)
    assert freeze(edition.pk, FREEZE + MINUTE)
    assert held_ids(edition) == {paper.pk}


def test_a_closed_edition_keeps_a_paper_that_is_merged_and_loses_one_that_is_withdrawn(edition):
    merged, withdrawn = (candidate.paper for candidate in edition.candidates.order_by("paper"))
    stays = a_paper(7)
    release(edition, FREEZE + HOUR)
    merge(merged, stays, now=FREEZE + HOUR, by=None)
    type(withdrawn).objects.filter(pk=withdrawn.pk).update(withdrawn_at=FREEZE)
    look_after_editions(FREEZE + HOUR + MINUTE)
    assert held_ids(edition) == {stays.pk}


def test_an_edition_that_is_held_again_collects_again(edition):
    release(edition, FREEZE + HOUR)
    hold(edition, "wait once more", FREEZE + HOUR)
    late = a_paper(7)
    look_after_editions(FREEZE + HOUR + MINUTE)
    assert late.pk in held_ids(edition)
    assert come_since_hold(edition).get().paper == late
