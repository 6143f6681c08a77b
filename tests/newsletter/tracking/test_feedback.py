"""A word on a paper teaches at once; the latest one counts; forgetting forgets."""

from datetime import timedelta

import pytest

from ingest.models import Paper
from newsletter.models import Click, Feedback
from newsletter.ranking.taste import describe, read
from newsletter.tracking.feedback import forget_all, note_word
from newsletter.tracking.taste import forget_words
from subscriptions.models import Profile, Subscriber, SubscriberState
from tests.newsletter import world

NOW = world.NOON


@pytest.fixture
def papers(delivery):
    return [Paper.objects.get(pk=pk) for pk in delivery.papers]


@pytest.fixture
def reader(delivery):
    return delivery.subscriber


def taste_of(reader):
    return bytes(Subscriber.objects.select_related("profile").get(pk=reader.pk).profile.taste)


def test_more_like_this_teaches_the_words_of_the_paper(reader, papers):
    note_word(reader.pk, papers[0], "more", NOW)
    assert dict(describe(taste_of(reader)))["protein"] > 0


def test_fewer_like_this_counts_against_its_words(reader, papers):
    note_word(reader.pk, papers[0], "fewer", NOW)
    assert dict(describe(taste_of(reader)))["protein"] < 0


def test_choices_stay_and_the_profile_that_was_mailed_is_not_changed(reader, papers):
    before = reader.profile
    note_word(reader.pk, papers[0], "more", NOW)
    after = Subscriber.objects.get(pk=reader.pk).profile
    assert after.choices == before.choices
    assert after != before
    assert bytes(Profile.objects.get(pk=before.pk).taste) == b""


def test_the_same_word_again_teaches_nothing_more(reader, papers):
    note_word(reader.pk, papers[0], "more", NOW)
    taste = taste_of(reader)
    note_word(reader.pk, papers[0], "more", NOW + timedelta(days=1))
    assert taste_of(reader) == taste
    assert Feedback.objects.count() == 1


def test_the_latest_word_takes_the_one_before_back(reader, papers):
    other = world.a_reader(2)
    note_word(reader.pk, papers[0], "more", NOW)
    note_word(reader.pk, papers[0], "fewer", NOW)
    note_word(other.pk, papers[0], "fewer", NOW)
    assert dict(describe(taste_of(reader))) == pytest.approx(
        dict(describe(taste_of(other))), abs=0.03
    )
    assert read(taste_of(reader)).events == 1


def test_a_forgotten_word_is_out_of_the_taste_and_the_rest_stays(reader, papers):
    note_word(reader.pk, papers[0], "more", NOW)
    forget_words(reader.pk, ["protein", "nonsense"], now=NOW)
    words = dict(describe(taste_of(reader)))
    assert "protein" not in words
    assert "folding" in words


def test_forgetting_everything_leaves_no_trace_that_could_teach_again(delivery, reader, papers):
    note_word(reader.pk, papers[0], "more", NOW)
    Click.objects.create(delivery=delivery, paper=papers[1], at=NOW)
    forget_all(reader.pk, NOW)
    assert taste_of(reader) == b""
    assert not Feedback.objects.exists()
    assert Click.objects.get().counted is False
    note_word(reader.pk, papers[0], "fewer", NOW)
    assert read(taste_of(reader)).events == 1


def test_a_taste_that_cannot_be_read_is_learned_anew(reader, papers):
    Subscriber.objects.filter(pk=reader.pk).update(
        profile=Profile.objects.of(reader.profile.choices, now=NOW, taste=b"old")
    )
    note_word(reader.pk, papers[0], "more", NOW)
    assert read(taste_of(reader)).events == 1


def test_who_left_is_not_learned_about(reader, papers):
    Subscriber.objects.filter(pk=reader.pk).update(state=SubscriberState.UNSUBSCRIBED, left_at=NOW)
    note_word(reader.pk, papers[0], "more", NOW)
    assert taste_of(reader) == b""


def test_a_hundred_words_fit_in_two_kilobytes(reader):
    for number in range(100, 160):
        note_word(reader.pk, world.a_paper(number), "more" if number % 3 else "fewer", NOW)
    assert 0 < len(taste_of(reader)) <= 2048
