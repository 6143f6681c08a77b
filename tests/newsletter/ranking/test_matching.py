"""Phrases and topics matched many at once get what each gets alone by the plain rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.ranking import matching as rules
from newsletter.ranking.archive import fit_archive
from newsletter.ranking.matches import Match
from newsletter.ranking.packing import UnreadableBytes
from newsletter.ranking.text import normal_phrase
from newsletter.ranking.topics import Library
from tests.newsletter.ranking.plain import frozen, paper, reader, topic
from tests.newsletter.ranking.plain_matching import PlainMatching

WORDS = [
    *("diffusion", "model", "models", "robot", "graph", "fine-tuning", "finetuning", "agents"),
    *("sound", "policy", "policies", "the", "of", "for", "grasping", "vision", "language", "a"),
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
PAPERS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=14)
PHRASES = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=6
)
ARCHIVE = fit_archive(
    (f"{one} {other} {third}", f"the {third} of {one}, {other}-{one}")
    for one in WORDS[:8]
    for other in WORDS[6:]
    for third in WORDS[3:14:3]
)
ALMOST = 1e-4
"""Raw scores this near to a limit may fall on either side of it."""


def library_of(texts):
    papers = [paper(number, *text) for number, text in enumerate(texts, 1)]
    return Library(papers, ARCHIVE)


def is_decided(raw):
    limits = (rules.RELATED, rules.WORDS_APART, rules.RELATED_IN_CATEGORY)
    return all(abs(raw - limit) > ALMOST for limit in limits)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(PAPERS, PHRASES)
def test_phrases_match_as_the_plain_rules_say(texts, phrases):
    library = library_of(texts)
    plain = PlainMatching(library.papers, ARCHIVE)
    for phrase, match in library.phrase_matches(phrases).items():
        counted = match.counted(len(texts))
        for place, raw in enumerate(plain.raw((phrase,)).tolist()):
            if is_decided(raw):
                assert bool(counted[place]) == plain.is_on((phrase,), place, raw)
            if counted[place] > 1:
                expected = 1000 * min(raw / rules.FULL, 1.0)
                assert counted[place] == pytest.approx(expected, abs=0.5 + 1000 * ALMOST)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(PAPERS, PHRASES)
def test_the_best_of_several_wordings_counts(texts, phrases):
    library = library_of(texts)
    asked = topic(1, phrases[0], phrases[1:])
    (scores,), (on,) = library.topic_matches([asked], [asked])
    plain = PlainMatching(library.papers, ARCHIVE)
    for place, raw in enumerate(plain.raw(phrases).tolist()):
        expected = 1000 * min(max(raw / rules.FULL, 0.0), 1.0)
        assert scores[place] == pytest.approx(expected, abs=0.5 + 1000 * ALMOST)
        if is_decided(raw):
            assert on[place] == plain.is_on(phrases, place, raw)


@settings(deadline=None, max_examples=40)
@given(PAPERS, PHRASES, PHRASES)
def test_what_else_is_matched_changes_nothing(texts, phrases, others):
    library = library_of(texts)
    alone = {phrase: library.phrase_matches([phrase])[phrase] for phrase in phrases}
    together = library.phrase_matches([*others, *phrases])
    for phrase in phrases:
        assert together[phrase].to_bytes() == alone[phrase].to_bytes()


def test_blocks_of_any_size_match_the_same(monkeypatch):
    texts = [(f"{one} {other}", f"the {other}") for one in WORDS[:6] for other in WORDS[5:12]]
    phrases = [f"{one} {other}" for one in WORDS for other in WORDS[:5]]
    whole = library_of(texts).phrase_matches(phrases)
    monkeypatch.setattr(rules, "CELLS", 1)
    single = library_of(texts).phrase_matches(phrases)
    assert {one: match.to_bytes() for one, match in single.items()} == {
        one: match.to_bytes() for one, match in whole.items()
    }


@pytest.mark.parametrize("papers", [[], [paper(1, "", "")], [paper(1, "???", "ﾞ")]])
def test_editions_without_words_match_nothing(papers):
    statistics = frozen(papers, [topic(1, "Diffusion models"), topic(2, "???")])
    assert not statistics.topic_scores.any()
    assert not statistics.match_phrases(["diffusion"])["diffusion"].places.size


def test_spellings_of_a_phrase_share_a_match_and_phrases_without_words_have_none():
    statistics = frozen([paper(1, "Diffusion models")])
    found = statistics.match_phrases(["Diffusion  MODELS", "diffusion-models", "???", ""])
    assert list(found) == [normal_phrase("Diffusion models")]


def test_known_matches_are_taken_as_they_are(monkeypatch):
    statistics = frozen([paper(1, "Diffusion models"), paper(2, "Robots")])
    known = {"robots": Match(np.array([0], np.int32), np.array([7], np.int16))}
    monkeypatch.setattr(Library, "phrase_matches", lambda library, phrases: {})
    assert statistics.match_phrases(["Robots"], known) == known


@given(st.dictionaries(st.integers(0, 100_000), st.integers(1, 1000)))
def test_a_match_survives_its_bytes(scores):
    places = sorted(scores)
    match = Match(
        np.array(places, np.int32), np.array([scores[place] for place in places], np.int16)
    )
    again = Match.from_bytes(match.to_bytes())
    assert np.array_equal(again.places, match.places)
    assert np.array_equal(again.scores, match.scores)
    assert again.places.dtype == np.int32
    assert again.scores.dtype == np.int16


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: blob[:3],
        lambda blob: blob[:-1],
        lambda blob: blob + b"\0",
        lambda blob: b"\x7f" + blob[1:],
        lambda blob: b"",
    ],
)
def test_a_damaged_match_is_refused(damage):
    blob = Match(np.array([3, 9], np.int32), np.array([5, 1000], np.int16)).to_bytes()
    with pytest.raises(UnreadableBytes):
        Match.from_bytes(damage(blob))


def test_the_phrases_of_readers_are_those_that_ranking_looks_up():
    from newsletter.ranking.readers import phrases_of

    readers = [reader(phrases=("World Models", "???")), reader(phrases=("world-models", "robots"))]
    assert phrases_of(readers) == {"world models", "robots"}
