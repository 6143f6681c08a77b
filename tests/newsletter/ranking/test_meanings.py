"""Editions frozen while a sentence-embedding model has placed little, or places papers by
meaning alone.
"""

import numpy as np

from newsletter.ranking.archive import fit_archive
from newsletter.ranking.meanings import Meanings
from newsletter.ranking.rank import explain, rank
from newsletter.ranking.statistics import EditionStatistics
from tests.newsletter.ranking.plain import NOW, frozen, paper, reader, topic

SKIING = topic(1, "Winter sports")
PAPERS = [paper(1, "研究冰雪"), *(paper(n, f"A study of sorting {n}") for n in range(2, 9))]
ARCHIVE = fit_archive((one.title, one.abstract) for one in PAPERS[1:])


def axis(number):
    return np.eye(8, dtype=np.float16)[number]


def test_a_model_that_has_placed_no_paper_yet_leaves_the_ranking_to_words():
    papers = [paper(1, "Winter sports"), paper(2, "Sorting")]
    with_model = EditionStatistics.freeze(
        papers, [SKIING], NOW, meanings=Meanings("a model", {}, {"winter sports": axis(0)})
    )
    assert np.array_equal(with_model.topic_scores, frozen(papers, [SKIING]).topic_scores)


def test_a_paper_near_in_meaning_alone_has_a_reason_and_explains_the_same_later():
    placed = {1: axis(0)} | {one.id: axis(1) for one in PAPERS[1:]}
    statistics = EditionStatistics.freeze(
        PAPERS,
        [SKIING],
        NOW,
        ARCHIVE,
        meanings=Meanings("a model", placed, {"winter sports": axis(0)}),
    )
    for profile in (reader(topics=(1,)), reader(phrases=("winter sports",))):
        (selection,) = rank(statistics, [profile], [frozenset()])
        (pick,) = selection.picks
        assert pick.paper_id == 1
        assert pick.reasons[0].text.casefold() == "close in meaning to “winter sports”"
        (again,) = explain(EditionStatistics.from_bytes(statistics.to_bytes()), profile, [1])
        assert (again.parts, again.reasons) == (pick.parts, pick.reasons)
