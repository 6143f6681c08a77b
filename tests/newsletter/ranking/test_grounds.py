"""What the freeze works out about topics and papers, workers take from the stored bytes."""

import pytest

from newsletter.ranking.phrases import FieldIndex
from newsletter.ranking.rank import explain, rank
from newsletter.ranking.statistics import EditionStatistics
from tests.newsletter.ranking.plain import frozen, paper, reader, topic

TOPICS = [
    topic(1, "Generation", ("score-based generation",)),
    topic(2, "Diffusion models", parent_id=1),
    topic(3, "Robotics", ("robot",), ("cs.RO",)),
]
PAPERS = [
    paper(
        1,
        "Fast Diffusion Models",
        "Score-based generation, again score-based generation.",
        votes=40,
    ),
    paper(2, "Sound", "We teach robots to listen.", votes=7, categories=("cs.RO", "cs.SD")),
    paper(3, "Dexterous hands", "They grasp.", categories=("cs.RO",)),
    paper(4, "Sorting with comparators", votes=90),
]
READERS = [
    reader(topics=(1,)),
    reader(topics=(2, 3), balance=80),
    reader(topics=(3,), minimum_votes=5),
    reader(),
]


@pytest.fixture
def stored():
    return frozen(PAPERS, TOPICS).to_bytes()


@pytest.fixture
def no_text_is_read(monkeypatch):
    def refuse(index, text):
        raise AssertionError(f"read {text!r}")

    monkeypatch.setattr(FieldIndex, "__init__", refuse)


def told(selections):
    return [
        (
            pick.paper_id,
            pick.parts,
            reason.kind,
            reason.text,
            reason.text.template,
            reason.text.gaps,
        )
        for selection in selections
        for pick in selection.picks
        for reason in pick.reasons
    ]


def test_readers_who_only_chose_topics_are_ranked_and_explained_without_reading_a_text(
    stored, no_text_is_read
):
    statistics = EditionStatistics.from_bytes(stored)
    selections = rank(statistics, READERS, [frozenset()] * len(READERS))
    assert all(selection.picks for selection in selections)
    assert explain(statistics, READERS[0], [1, 4])[0].reasons == selections[0].picks[0].reasons


def test_a_typed_phrase_has_the_texts_read(stored, no_text_is_read):
    with pytest.raises(AssertionError, match="Fast Diffusion Models"):
        rank(EditionStatistics.from_bytes(stored), [reader(phrases=("diffusion",))], [frozenset()])


def test_reasons_from_stored_grounds_say_the_same_in_every_language(stored):
    mailed = [frozenset()] * len(READERS)
    assert told(rank(EditionStatistics.from_bytes(stored), READERS, mailed)) == told(
        rank(frozen(PAPERS, TOPICS), READERS, mailed)
    )


def test_storing_what_was_stored_changes_nothing(stored):
    assert EditionStatistics.from_bytes(stored).to_bytes() == stored
