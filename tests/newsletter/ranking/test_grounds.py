"""Reasons are found in the texts of the papers that are shown, and in no others."""

import pytest

from newsletter.ranking.phrases import FieldIndex
from newsletter.ranking.positions import PositionalIndex
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
def texts_stay_packed(monkeypatch):
    def refuse(data, arrays):
        raise AssertionError("unpacked the index of all texts")

    monkeypatch.setattr(PositionalIndex, "from_plain", refuse)


@pytest.fixture
def texts_read(monkeypatch):
    read = []
    index = FieldIndex.__init__

    def listen(field, text):
        read.append(text)
        index(field, text)

    monkeypatch.setattr(FieldIndex, "__init__", listen)
    return read


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


def test_readers_who_only_chose_topics_are_ranked_and_explained_without_the_index(
    stored, texts_stay_packed
):
    statistics = EditionStatistics.from_bytes(stored)
    selections = rank(statistics, READERS, [frozenset()] * len(READERS))
    assert all(selection.picks for selection in selections)
    assert explain(statistics, READERS[0], [1, 4])[0].reasons == selections[0].picks[0].reasons


@pytest.mark.parametrize("asked", [{"phrases": ("diffusion",)}, {"muted": ("diffusion",)}])
def test_phrases_and_muted_words_need_the_index(stored, texts_stay_packed, asked):
    with pytest.raises(AssertionError, match="unpacked"):
        rank(EditionStatistics.from_bytes(stored), [reader(**asked)], [frozenset()])


def test_a_known_match_needs_no_index(stored, texts_stay_packed):
    known = frozen(PAPERS, TOPICS).match_phrases(["diffusion"])
    (selection,) = rank(
        EditionStatistics.from_bytes(stored), [reader(phrases=("diffusion",))], [frozenset()], known
    )
    assert [pick.paper_id for pick in selection.picks][:1] == [1]


def test_only_papers_that_are_shown_under_an_interest_are_read_and_each_once(stored, texts_read):
    statistics = EditionStatistics.from_bytes(stored)
    rank(statistics, [reader(topics=(3,))] * 2, [frozenset()] * 2)
    assert texts_read == [PAPERS[1].title, PAPERS[1].abstract]
    rank(statistics, [reader(topics=(3,), balance=70)], [frozenset()])
    assert len(texts_read) == 2


def test_reasons_from_stored_statistics_say_the_same_in_every_language(stored):
    mailed = [frozenset()] * len(READERS)
    assert told(rank(EditionStatistics.from_bytes(stored), READERS, mailed)) == told(
        rank(frozen(PAPERS, TOPICS), READERS, mailed)
    )


def test_storing_what_was_stored_changes_nothing(stored):
    assert EditionStatistics.from_bytes(stored).to_bytes() == stored
