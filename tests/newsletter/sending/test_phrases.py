"""Readers' own phrases are matched ahead of their digests and stored while the edition is sent; what
is not stored costs time and changes nothing.
"""

import hashlib
from datetime import timedelta

import pytest

from newsletter.models import Delivery, Edition, EditionState
from newsletter.ranking.matches import Match
from newsletter.sending import choosing, phrases
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.frozen import reader_profiles, statistics_of
from newsletter.sending.phrases import match_phrases, stored_matches
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from subscriptions.models import Profile, Subscriber
from tests.newsletter.poison import with_profile
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import FREEZE, a_planned_edition, a_profile, a_reader, papers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(12)
    a_reader(1, profile=a_profile(phrases=("proteins", "Weather")))
    a_reader(2, profile=a_profile(phrases=("weather", "no such thing")))
    a_reader(3)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(FREEZE)


def key(phrase: str) -> str:
    return hashlib.sha256(phrase.encode()).hexdigest()


def stored(edition: Edition) -> set[str]:
    return set(edition.phrase_matches.values_list("phrase_digest", flat=True))


def send(edition: Edition) -> dict[int, tuple[list[int], list[list[int]]]]:
    """Send the edition; return papers and score parts by reader."""
    clock = HandClock(next_instant(edition))
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, Mailbox())
    sent = Delivery.objects.filter(edition=edition, status="sent")
    return {row.subscriber_id: (row.papers, row.parts) for row in sent}


def test_each_phrase_of_the_readers_is_stored_once_in_normal_form(edition, clock):
    assert match_phrases(clock) == 3
    assert stored(edition) == {key("proteins"), key("weather"), key("no such thing")}
    expected = statistics_of(edition.pk).match_phrases(["proteins"])["proteins"]
    assert len(expected.places) > 0
    found = Match.from_bytes(bytes(edition.phrase_matches.get(phrase_digest=key("proteins")).match))
    assert found.places.tolist() == expected.places.tolist()
    assert found.scores.tolist() == expected.scores.tolist()


def test_a_digest_is_the_same_with_and_without_stored_matches(edition, clock, monkeypatch):
    match_phrases(clock)
    given, really = [], choosing.rank

    def rank(statistics, profiles, excluded, matches):
        given.append(set(matches))
        without = really(statistics, profiles, excluded)
        with_matches = really(statistics, profiles, excluded, matches)
        assert with_matches == without
        return with_matches

    monkeypatch.setattr(choosing, "rank", rank)
    assert len(send(edition)) == 3
    assert given == [{"proteins", "weather", "no such thing"}]


def test_readers_without_phrases_ask_for_no_matches(edition, django_assert_num_queries):
    profile = Subscriber.objects.get(address="reader3@example.org").profile_id
    profiles = reader_profiles([profile]).values()
    with django_assert_num_queries(0):
        assert stored_matches(edition.pk, profiles) == {}


def test_a_phrase_that_is_saved_later_is_matched_by_the_next_call(edition, clock, monkeypatch):
    match_phrases(clock)
    assert match_phrases(clock) == 0
    reader = Subscriber.objects.get(address="reader3@example.org")
    Subscriber.objects.filter(pk=reader.pk).update(
        profile=a_profile(phrases=("proteins", "traffic"))
    )
    asked: list[str] = []
    really = phrases._store
    monkeypatch.setattr(phrases, "_store", lambda pk, some: asked.extend(some) or really(pk, some))
    assert match_phrases(clock) == 1
    assert asked == ["traffic"]
    assert key("traffic") in stored(edition)


def test_only_active_readers_phrases_are_matched(edition, clock):
    Subscriber.objects.filter(address="reader1@example.org").update(state="pending")
    match_phrases(clock)
    assert stored(edition) == {key("weather"), key("no such thing")}


def test_a_row_that_cannot_be_read_changes_no_digest(edition, clock):
    match_phrases(clock)
    edition.phrase_matches.filter(phrase_digest=key("weather")).update(match=b"of another version")
    profiles = reader_profiles(Profile.objects.values_list("pk", flat=True)).values()
    assert set(stored_matches(edition.pk, profiles)) == {"proteins", "no such thing"}
    assert len(send(edition)) == 3


def test_no_words_of_a_reader_are_kept_in_the_rows(edition, clock):
    match_phrases(clock)
    rows = str(list(edition.phrase_matches.values()))
    assert "proteins" not in rows
    assert "weather" not in rows


def test_a_phrase_may_have_a_long_normal_form(edition, clock):
    with_profile(Subscriber.objects.get(address="reader1@example.org"), phrases=["\ufdfa" * 80])
    assert match_phrases(clock) == 3
    assert len(send(edition)) == 3


def test_a_profile_whose_phrases_are_no_texts_stops_no_other(edition, clock):
    first, second, third = Subscriber.objects.order_by("pk")
    with_profile(first, phrases={"a": 1})
    with_profile(second, phrases=[7, None, "tides"])
    with_profile(third, phrases=["lasers"])
    match_phrases(clock)
    assert stored(edition) == {key("tides"), key("lasers")}


def test_it_goes_on_where_its_time_was_over(edition, clock, monkeypatch):
    monkeypatch.setattr(phrases, "PROFILES_AT_ONCE", 1)
    really = phrases._store

    def slow(edition_id, some):
        clock.forward(seconds=phrases.MOST_TIME / timedelta(seconds=1))
        return really(edition_id, some)

    monkeypatch.setattr(phrases, "_store", slow)
    assert [match_phrases(clock) for _ in range(3)] == [2, 1, 0]


def test_many_phrases_are_matched_and_read_in_several_steps(edition, clock, monkeypatch):
    monkeypatch.setattr(phrases, "PHRASES_AT_ONCE", 1)
    assert match_phrases(clock) == 3
    profiles = reader_profiles(Profile.objects.values_list("pk", flat=True)).values()
    assert {key(phrase) for phrase in stored_matches(edition.pk, profiles)} == stored(edition)


def test_an_edition_that_cannot_be_read_stops_no_other_and_is_asked_for_again(edition, clock):
    other = a_planned_edition("weekly")
    kept = bytes(edition.statistics)
    Edition.objects.filter(pk=edition.pk).update(statistics=b"made by another version")
    match_phrases(clock)
    assert (stored(edition), len(stored(other))) == (set(), 3)
    Edition.objects.filter(pk=edition.pk).update(statistics=kept)
    match_phrases(clock)
    assert len(stored(edition)) == 3


@pytest.mark.parametrize("end", ["done", "cancelled"])
def test_the_matches_go_with_the_edition_and_are_not_made_again(edition, clock, end):
    match_phrases(clock)
    if end == "done":
        send(edition)
        sweep(next_instant(edition) or clock() + timedelta(hours=12))
        edition.refresh_from_db()
        assert edition.state == EditionState.DONE
    else:
        Edition.objects.filter(pk=edition.pk).update(state=EditionState.CANCELLED)
    assert match_phrases(clock) == 0
    assert stored(edition) == set()
    Edition.objects.filter(pk=edition.pk).update(state=EditionState.SENDING)
    assert match_phrases(clock) == 0
