import struct
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.ranking.archive import fit_archive
from newsletter.ranking.rank import rank
from newsletter.ranking.taste import (
    TasteEvent,
    UnreadableTaste,
    describe,
    forget,
    learn,
    read,
    term_hash,
)
from newsletter.ranking.text import stem
from tests.newsletter.ranking.plain import frozen, paper, reader

DAY = date(2026, 3, 1)
SOUND = ("Audio synthesis with vocoders", "Neural vocoders turn spectrograms into audio.")
GRAPHS = (
    "Graph rewiring for message passing",
    "Message passing on graphs suffers from bottlenecks.",
)
TEXTS = [
    SOUND,
    GRAPHS,
    ("Audio codecs and neural vocoders", "Neural audio codecs."),
    ("Rewiring graphs", "Message passing again."),
]
ARCHIVE = fit_archive(TEXTS * 2)


def liking(text, weight=1.0, day=DAY):
    return TasteEvent(*text, weight, day)


def picked(taste, **chosen):
    papers = [
        paper(1, "Vocoders for audio", "Neural vocoders."),
        paper(2, "Message passing", "Graph rewiring."),
    ]
    (selection,) = rank(
        frozen(papers, archive=ARCHIVE), [reader(taste=taste, **chosen)], [frozenset()]
    )
    return selection.picks


def test_a_paper_like_the_liked_ones_is_picked_with_the_shared_words_as_reason():
    (pick,) = picked(learn(b"", [liking(SOUND)], ARCHIVE))
    assert pick.paper_id == 1
    assert pick.parts.taste > 0
    assert pick.reasons[0].kind == "taste"
    assert "vocoders" in pick.reasons[0].text.casefold()


def test_a_disliked_paper_counts_against_its_like():
    taste = learn(b"", [liking(SOUND, -1.0), liking(GRAPHS)], ARCHIVE)
    assert [pick.paper_id for pick in picked(taste, balance=0)] == [2]


def test_a_reader_sees_their_taste_in_words():
    assert ("vocoders", pytest.approx(1.0, abs=0.5)) in describe(
        learn(b"", [liking(SOUND)], ARCHIVE)
    )


def test_a_forgotten_word_is_gone():
    taste = learn(b"", [liking(SOUND)], ARCHIVE)
    wording = describe(taste)[0][0]
    assert wording not in dict(describe(forget(taste, wording)))
    assert len(read(forget(taste, wording)).weights) == len(read(taste).weights) - 1


def test_older_events_count_half_after_ninety_days():
    def balance(taste):
        weights = read(taste).weights
        return weights[term_hash(stem("vocoders"))] / weights[term_hash(stem("rewiring"))]

    old, new = liking(SOUND, day=DAY - timedelta(days=90)), liking(GRAPHS)
    fresh = balance(learn(b"", [liking(SOUND), liking(GRAPHS)], ARCHIVE))
    assert balance(learn(b"", [old, new], ARCHIVE)) == pytest.approx(fresh / 2, rel=0.05)


def test_no_taste_is_no_bytes():
    assert learn(b"", [], ARCHIVE) == b""
    assert describe(b"") == []


@pytest.mark.parametrize("foreign", [b"x", b"\x09" * 40, b"\x01" + b"\xff" * 30])
def test_foreign_bytes_are_refused(foreign):
    with pytest.raises(UnreadableTaste):
        read(foreign)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0, 0.0])
def test_weights_that_are_no_finite_numbers_are_refused(scale):
    taste = bytearray(learn(b"", [liking(SOUND)], ARCHIVE))
    taste[5:9] = struct.pack("<f", scale)
    with pytest.raises(UnreadableTaste, match="finite"):
        read(bytes(taste))


WORDS = st.text("abcdefgh -éß", min_size=1, max_size=30)
EVENTS = st.lists(
    st.builds(TasteEvent, WORDS, WORDS, st.floats(-2, 2), st.dates(date(2024, 1, 1), DAY)),
    max_size=8,
)


@given(EVENTS)
def test_a_taste_stays_small_and_survives_its_bytes(events):
    archive = fit_archive([(event.title, event.abstract) for event in events] * 2)
    taste = learn(b"", events, archive)
    assert len(taste) <= 2048
    assert learn(taste, [], archive) == taste
    assert {wording for wording, _ in describe(taste)} == set(read(taste).wordings.values())


def test_the_longest_taste_fits_in_two_kilobytes():
    words = [
        f"{letter * 13}{other}"
        for letter in "abcdefghijklmnopqrst"
        for other in "abcdefghijklmnopqrst"
    ]
    text = (" ".join(words[:200]), " ".join(words[200:]))
    assert len(learn(b"", [liking(text)], fit_archive([text, text]))) <= 2048


@pytest.mark.parametrize("weight", [1.0, 0.25, -1.0])
def test_one_act_does_not_thin_the_digest_of_a_reader_who_follows_nothing(weight):
    papers = [paper(n, f"Subject{n} in detail{n}", votes=30 + n) for n in range(1, 11)]
    statistics = frozen(
        [*papers, paper(11, *SOUND, votes=9), paper(12, *GRAPHS, votes=9)], archive=ARCHIVE
    )
    (selection,) = rank(
        statistics, [reader(taste=learn(b"", [liking(SOUND, weight)], ARCHIVE))], [frozenset()]
    )
    assert len(selection.picks) == 10
    assert not selection.note


def test_who_only_asked_for_fewer_is_never_told_what_they_liked():
    papers = [paper(1, *SOUND, votes=5), paper(2, *GRAPHS, votes=5), paper(3, *TEXTS[3], votes=5)]
    taste = learn(b"", [liking(SOUND, -1.0)], ARCHIVE)
    (selection,) = rank(frozen(papers, archive=ARCHIVE), [reader(taste=taste)], [frozenset()])
    told = [
        reason.text for pick in selection.picks for reason in pick.reasons if reason.kind == "taste"
    ]
    assert told
    assert set(told) == {"unlike what you asked for fewer of"}


def test_a_title_without_spaces_leaves_room_for_other_words():
    run_on = "研" * 120
    taste = learn(b"", [liking((run_on, "vocoders"))], fit_archive([(run_on, "vocoders")] * 3))
    assert [wording for wording, _ in describe(taste)] == ["vocoders"]
