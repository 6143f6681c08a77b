from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.ranking.phrases import FieldIndex, phrase_words
from newsletter.ranking.text import number_forms, stem, words


def test_case_accents_and_possessives_are_folded():
    assert words("Schrödinger’s BRIDGE, Bayes' rule") == ["schrodinger", "bridge", "bayes", "rule"]


def test_a_hyphen_parts_words_and_is_remembered():
    field = FieldIndex("Fine-tuning on-the fly")
    assert field.words == ["fine", "tuning", "on", "the", "fly"]
    joined = [field.spelled((one + two,)) for one, two in pairwise(field.words)]
    assert joined == [[(0, 2)], [], [(2, 4)], []]


def test_names_of_languages_keep_their_signs():
    assert words("C++ and C#") == ["c++", "and", "c#"]


@given(st.text())
def test_words_quote_the_text_they_come_from(text):
    field = FieldIndex(text)
    for place, word in enumerate(field.words):
        assert words(field.surface((place, place + 1))) == [word]
    if field.words:
        assert field.surface((0, len(field.words))) in text


def test_a_word_without_a_normal_form_is_a_part_of_the_gap_around_it():
    field = FieldIndex("one-\uff9e-two")
    assert (field.words, field.gaps) == (["one", "two"], ["", "-\uff9e-", ""])
    assert not field.spelled(("onetwo",))
    assert field.surface((0, 2)) == "one-\uff9e-two"


@pytest.mark.parametrize(
    ("one", "many"),
    [("LLM", "LLMs"), ("policy", "policies"), ("bias", "biases"), ("matrix", "matrices")],
)
def test_number_forms_reach_the_plural_and_back(one, many):
    one, many = one.casefold(), many.casefold()
    assert many in number_forms(one)
    assert one in number_forms(many)


def test_stems_join_number_and_verb_forms():
    assert stem("llms") == stem("llm")
    assert stem("models") == stem("modelling") == stem("model")


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("fine-tuning", "Finetuning a model"),
        ("fine tuning", "Fine-Tuning a model"),
        ("finetuning", "Fine-tuning a model"),
        ("finetuning", "On Fine-tuned models"),
        ("large language model", "Large Language Models are here"),
        ("text-to-image", "Text to Image generation"),
    ],
)
def test_a_phrase_is_found_in_all_its_spellings(phrase, title):
    assert FieldIndex(title).stemmed(phrase_words(phrase))


def test_a_phrase_is_not_found_across_other_words():
    assert not FieldIndex("graph of neural networks").stemmed(phrase_words("graph networks"))


def test_the_wording_of_the_paper_is_quoted():
    field = FieldIndex("Scaling Fine-Tuned Models")
    (span,) = field.stemmed(phrase_words("fine tuning"))
    assert field.surface(span) == "Fine-Tuned"


@pytest.mark.parametrize("text", ["LLMOps for all", "a GPTLLM", "universal things"])
def test_a_word_is_spelled_only_where_it_is_a_whole_word(text):
    assert not FieldIndex(text).spelled(phrase_words("LLM"))
    assert not FieldIndex(text).spelled(phrase_words("universe"))


@given(
    st.lists(st.sampled_from(["graph", "neural", "net", "llm", "policy"]), min_size=1, max_size=4),
    st.text(max_size=20),
)
def test_a_phrase_is_spelled_in_any_text_that_ends_with_it(phrase, before):
    assert FieldIndex(f"{before} {' '.join(phrase).upper()}").spelled(tuple(phrase))
