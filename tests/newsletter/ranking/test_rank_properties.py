"""What holds for any edition and any readers."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.ranking.archive import fit_archive
from newsletter.ranking.phrases import FieldIndex, phrase_words
from newsletter.ranking.rank import explain, rank
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.taste import TasteEvent, learn
from tests.newsletter.ranking.plain import frozen, paper, reader, topic

pytestmark = pytest.mark.slow

WORDS = [
    "diffusion",
    "model",
    "models",
    "robot",
    "graph",
    "fine-tuning",
    "llm",
    "agents",
    "sound",
    "policy",
]
PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
COUNTS = st.none() | st.integers(0, 500)


@st.composite
def editions(draw):
    numbers = draw(st.lists(st.integers(1, 40), unique=True, max_size=12))
    papers = [
        paper(
            number,
            draw(TEXTS),
            draw(TEXTS),
            categories=draw(st.sampled_from([(), ("cs.RO",), ("cs.CL", "cs.AI")])),
            published=draw(st.none() | st.dates(date(2026, 2, 20), date(2026, 3, 4))),
            votes=draw(COUNTS),
            votes_before=draw(COUNTS),
            boost=draw(st.integers(-100, 100)),
            pin_place=draw(st.sampled_from([0, 0, 1, 2, 3])),
            duplicates_of=tuple(draw(st.lists(st.integers(41, 45), unique=True, max_size=2))),
        )
        for number in numbers
    ]
    parents = st.none() | st.integers(1, 5)
    topics = [
        topic(
            number,
            draw(PHRASES),
            draw(st.lists(PHRASES, max_size=2)),
            ("cs.RO",) if number == 3 else (),
            draw(parents),
        )
        for number in range(1, draw(st.integers(1, 5)))
    ]
    return papers, topics


ARCHIVE = fit_archive([(word, other) for word in WORDS for other in WORDS])
LIKED = st.builds(
    TasteEvent, TEXTS, TEXTS, st.sampled_from([1.0, -1.0, 0.3]), st.just(date(2026, 2, 1))
)
READERS = st.builds(
    reader,
    topics=st.lists(st.integers(1, 6), max_size=4, unique=True).map(tuple),
    phrases=st.lists(PHRASES, max_size=2).map(tuple),
    muted=st.lists(PHRASES, max_size=2).map(tuple),
    minimum_votes=st.integers(0, 50),
    papers_per_digest=st.integers(1, 12),
    balance=st.integers(0, 100),
    taste=st.lists(LIKED, max_size=2).map(lambda events: learn(b"", events, ARCHIVE)),
)
MAILED = st.frozensets(st.integers(1, 45), max_size=8)
CROWDS = st.lists(st.tuples(READERS, MAILED), min_size=1, max_size=6)


def ranked(statistics, crowd):
    return rank(statistics, [profile for profile, _ in crowd], [mailed for _, mailed in crowd])


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS)
def test_the_hard_rules_hold(edition, crowd):
    papers, topics = edition
    by_id = {one.id: one for one in papers}
    for (profile, mailed), selection in zip(
        crowd, ranked(frozen(papers, topics), crowd), strict=True
    ):
        assert len(selection.picks) <= profile.papers_per_digest
        assert len({pick.paper_id for pick in selection.picks}) == len(selection.picks)
        for pick in selection.picks:
            found = by_id[pick.paper_id]
            assert mailed.isdisjoint({found.id, *found.duplicates_of})
            assert found.votes is None or found.votes >= profile.minimum_votes
            texts = FieldIndex(found.title), FieldIndex(found.abstract)
            words = map(phrase_words, profile.muted)
            assert not any(text.spelled(phrase) for phrase in words for text in texts)


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS)
def test_sections_are_in_order_and_every_pick_has_a_reason(edition, crowd):
    papers, topics = edition
    for selection in ranked(frozen(papers, topics), crowd):
        sections = [pick.section for pick in selection.picks]
        assert sections == sorted(sections, key=["lead", "pinned", "topics", "also"].index)
        assert sections.count("lead") == bool(sections)
        assert sections.count("also") <= 2
        for pick in selection.picks:
            assert pick.parts.total == sum(pick.parts) > 0
            assert pick.reasons
            assert all(reason.text for reason in pick.reasons)


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS)
def test_explain_gives_the_same_parts_from_stored_bytes(edition, crowd):
    statistics = frozen(*edition)
    stored = EditionStatistics.from_bytes(statistics.to_bytes())
    assert stored.to_bytes() == statistics.to_bytes()
    for (profile, _), selection in zip(crowd, ranked(statistics, crowd), strict=True):
        again = explain(stored, profile, [pick.paper_id for pick in selection.picks])
        assert [(one.parts, one.reasons, one.topic_id) for one in again] == [
            (pick.parts, pick.reasons, pick.topic_id) for pick in selection.picks
        ]
    assert ranked(stored, crowd) == ranked(statistics, crowd)


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS)
def test_a_selection_does_not_depend_on_the_other_readers(edition, crowd):
    statistics = frozen(*edition)
    alone = [ranked(statistics, [one])[0] for one in crowd]
    assert ranked(statistics, crowd) == alone
    assert ranked(statistics, crowd[::-1]) == alone[::-1]


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS, st.randoms())
def test_the_order_of_papers_and_topics_does_not_matter(edition, crowd, random):
    papers, topics = edition
    expected = ranked(frozen(papers, topics), crowd)
    random.shuffle(papers)
    random.shuffle(topics)
    assert ranked(frozen(papers, topics), crowd) == expected


@settings(deadline=None, max_examples=40)
@given(editions(), CROWDS, CROWDS)
def test_who_was_ranked_before_changes_nothing(edition, before, crowd):
    warm = frozen(*edition)
    ranked(warm, before)
    assert ranked(warm, crowd) == ranked(frozen(*edition), crowd)
    assert ranked(warm, crowd) == ranked(warm, crowd)
