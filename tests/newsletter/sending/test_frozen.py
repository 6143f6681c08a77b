"""What a process keeps of frozen editions is bounded, and goes when they are done."""

import gc
import weakref
from datetime import timedelta

import pytest

from newsletter.models import Edition, EditionState
from newsletter.sending import frozen, press
from tests.newsletter import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def editions():
    """Fourteen frozen editions, all of the same papers."""
    world.a_topic()
    world.papers(3)
    first = world.a_frozen_edition()
    compiled = first.compiled.get()
    found = [first]
    for days in range(1, 14):
        edition = Edition.objects.get(pk=first.pk)
        edition.pk, edition.day = None, first.day + timedelta(days=days)
        edition.save(force_insert=True)
        compiled.pk, compiled.edition = None, edition
        compiled.save(force_insert=True)
        found.append(edition)
    return found


def use(edition):
    """Use an edition as a worker does. Returns weak references to the large things it keeps."""
    statistics = frozen.statistics_of(edition.pk)
    statistics.match_phrases(["graph networks"])
    printing = press._memory(edition.pk)
    printing.wire("en")
    return [weakref.ref(one) for one in (statistics, statistics.library.index, printing)]


def alive(references):
    return [any(one() is not None for one in each) for each in references]


def finish(edition):
    Edition.objects.filter(pk=edition.pk).update(
        state=EditionState.DONE, done_at=edition.nominal_at + timedelta(days=1)
    )


def test_a_process_that_lives_through_fourteen_editions_keeps_the_last_three(editions):
    references = [use(edition) for edition in editions]
    gc.collect()
    assert alive(references) == [False] * 11 + [True] * 3


def test_an_edition_that_is_done_goes_when_another_is_asked_for(editions):
    first, second, third, *_ = editions
    references = [use(first), use(second)]
    finish(first)
    assert alive(references) == [True, True]
    references.append(use(third))
    gc.collect()
    assert alive(references) == [False, True, True]


def test_the_edition_in_use_stays_however_many_others_come(editions):
    daily, *others = editions
    references = use(daily)
    for edition in others:
        use(edition)
        frozen.statistics_of(daily.pk)
    assert alive([references]) == [True]


def test_an_edition_that_is_done_can_be_asked_for(editions):
    finish(editions[0])
    names = frozen.frozen_edition(editions[0].pk).topic_names
    assert list(names.values()) == ["Graphs"]


def test_only_profiles_that_readers_may_share_are_kept(django_assert_num_queries):
    shared = world.a_profile(papers_per_digest=4)
    own = world.a_profile(phrases=("graph networks",))
    wanted = {shared.pk, own.pk}
    with django_assert_num_queries(2):
        assert frozen.reader_profiles(wanted).keys() == wanted
        again = frozen.reader_profiles(wanted)
    assert again[own.pk].phrases == ("graph networks",)
    with django_assert_num_queries(0):
        assert frozen.reader_profiles({shared.pk}).keys() == {shared.pk}
