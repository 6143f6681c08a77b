import pytest

from newsletter.ranking.abbreviations import Wordings, believed, definitions
from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.rank import rank
from tests.newsletter.ranking.plain import frozen, paper, reader


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Retrieval-Augmented Generation (RAG) helps", ("rag", "retrieval augmented generation")),
        ("we study large language models (LLMs)", ("llm", "large language models")),
        ("by self-supervised learning (SSL)", ("ssl", "self supervised learning")),
        (
            "reinforcement learning from human feedback (RLHF)",
            ("rlhf", "reinforcement learning from human feedback"),
        ),
        ("of neural radiance fields (NeRF)", ("nerf", "neural radiance fields")),
    ],
)
def test_a_definition_is_found_with_all_its_words(text, found):
    assert list(definitions(text)) == [found]


@pytest.mark.parametrize(
    "text", ["an ablation (Table)", "we beat it (SOTA)", "(RAG) at the start", "works (it does)"]
)
def test_what_is_no_definition_is_not_taken_for_one(text):
    assert not list(definitions(text))


def test_an_abbreviation_of_two_meanings_or_few_definitions_is_not_believed():
    found = {
        ("ssl", "self supervised learning"): 5,
        ("ssl", "semi supervised learning"): 6,
        ("rag", "retrieval augmented generation"): 2,
    }
    assert believed(found | {("ssl", "secure socket layer"): 2}, {}) == {}


def test_an_abbreviation_that_hardly_anybody_defines_any_more_is_not_believed():
    found = {("ai", "artificial intelligence"): 3}
    assert believed(found, {"ai": 31}) == {}
    assert believed(found, {"ai": 30}) == {"ai": "artificial intelligence"}


def test_numbers_of_one_meaning_are_joined_under_the_commonest():
    found = {("llm", "large language models"): 4, ("llm", "large language model"): 1}
    assert believed(found, {}) == {"llm": "large language models"}


def test_a_phrase_is_worded_both_ways():
    wordings = Wordings({"llm": "large language models"})
    assert wordings.of("LLM agents") == ("LLM agents", "large language models agents")
    assert wordings.of("Large Language Model Agents") == (
        "Large Language Model Agents",
        "llm agents",
    )
    assert wordings.of("LLMs") == ("LLMs", "large language models")


def test_abbreviations_are_put_in_in_their_order():
    known = {"ab": "alpha beta", "bg": "beta gamma", "ba": "alpha beta"}
    assert Wordings(known).of("alpha beta gamma") == (
        "alpha beta gamma",
        "ab gamma",
        "alpha bg",
        "ba gamma",
    )


def test_a_reader_who_typed_an_abbreviation_gets_papers_that_write_it_out():
    archive = fit_archive(
        (f"Retrieval-augmented generation (RAG) in case {n}", "") for n in range(5)
    )
    statistics = frozen(
        [paper(1, "On Retrieval-Augmented Generation"), paper(2, "On sorting")], archive=archive
    )
    (selection,) = rank(statistics, [reader(phrases=("RAG",))], [frozenset()])
    assert [(pick.paper_id, pick.reasons[0].text) for pick in selection.picks] == [
        (1, "“Retrieval-Augmented Generation” in the title")
    ]
    assert ArchiveStatistics.from_bytes(archive.to_bytes()).abbreviations == {
        "rag": "retrieval augmented generation"
    }
