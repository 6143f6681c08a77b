"""A word of the same stem says less than the word itself: "adaptive" is no proof of "adapter"."""

import pytest

from newsletter.ranking.archive import fit_archive
from newsletter.ranking.evidence import (
    ABSTRACT_PHRASE,
    ABSTRACT_WORDS,
    TITLE_PHRASE,
    TITLE_WORDS,
    find_evidence,
)
from newsletter.ranking.grounds import GroundsFinder
from newsletter.ranking.phrases import PaperIndex
from newsletter.ranking.topics import Library
from tests.newsletter.ranking.plain import paper

ARCHIVE = fit_archive([("Adapters", "An adapter."), ("Adapters again", "Adaptive.")])


@pytest.mark.parametrize(
    ("title", "abstract", "strength"),
    [
        ("Adapters for all", "", TITLE_PHRASE),
        ("", "We train an adapter.", ABSTRACT_PHRASE + 1),
        ("Adaptive control", "", TITLE_WORDS),
        ("", "It adapts.", ABSTRACT_WORDS),
        ("Adaptive control", "with an adapter", ABSTRACT_PHRASE + 1),
        ("", "", 0),
    ],
)
def test_a_single_word_counts_in_full_only_in_its_own_spelling(title, abstract, strength):
    assert find_evidence(("adapter",), PaperIndex(title, abstract), ARCHIVE).strength == strength


def test_of_two_wordings_that_share_words_the_longer_is_shown():
    library = Library([paper(1, "Image editing models", "Long tails and cats.")], ARCHIVE)
    finder = GroundsFinder(library, ())
    assert finder.spelled(["edit", "imag edit", "imag", "cat"], 0) == ["Image editing", "cats"]
    assert finder.spelled(["tail", "cat", "long"], 0) == ["tails", "cats"]


FAR = (
    "Safety comes first. We then turn to quite another matter and ask what people think of "
    "painting, music and AI."
)


@pytest.mark.parametrize(
    ("title", "abstract", "strength"),
    [
        ("", "The safety of modern AI is at stake.", ABSTRACT_WORDS),
        ("", FAR, 0),
        ("", f"{FAR} The safety of AI is another thing.", ABSTRACT_WORDS),
        (
            (
                "Safety first: painting, music, and what it takes to live in peace with "
                "neighbours and "
                "AI"
            ),
            "",
            TITLE_WORDS,
        ),
    ],
)
def test_the_words_of_a_phrase_stand_together_or_speak_of_different_things(
    title, abstract, strength
):
    archive = fit_archive([(title, abstract), ("Safety and AI", "")])
    assert (
        find_evidence(("ai", "safety"), PaperIndex(title, abstract), archive).strength == strength
    )
