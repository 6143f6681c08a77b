"""Entries that mean one paper get one identity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.identity import KEY_LIMIT, ArxivId, arxiv_id, authors_disagree, doi, title_key


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2309.17425", ArxivId("2309.17425", None)),
        ("2309.17425v2", ArxivId("2309.17425", 2)),
        (" arXiv:2309.17425v12 [cs.CL] ", ArxivId("2309.17425", 12)),
        ("https://arxiv.org/abs/2309.17425", ArxivId("2309.17425", None)),
        ("http://www.arxiv.org/pdf/2309.17425v3.pdf", ArxivId("2309.17425", 3)),
        ("arxiv.org/html/2309.17425v1#S2", ArxivId("2309.17425", 1)),
        ("https://export.arxiv.org/abs/0704.0001?context=math", ArxivId("0704.0001", None)),
        ("https://huggingface.co/papers/2309.17425", ArxivId("2309.17425", None)),
        ("https://doi.org/10.48550/arXiv.2309.17425", ArxivId("2309.17425", None)),
        ("oai:arXiv.org:2508.13429v1", ArxivId("2508.13429", 1)),
        ("math.GT/0309136", ArxivId("math/0309136", None)),
        ("https://arxiv.org/abs/hep-th/9901001v2", ArxivId("hep-th/9901001", 2)),
    ],
)
def test_an_arxiv_id_is_read_from_every_usual_form(text, found):
    assert arxiv_id(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2313.17425",
        "2309.174256",
        "2309.17425v0",
        "23091.7425",
        "https://example.org/2309.17425",
        "10.1000/182",
        "٢٣٠٩.١٧٤٢٥",
    ],
)
def test_what_is_no_arxiv_id_is_none(text):
    assert arxiv_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "10.1000/ABC.1",
        "doi:10.1000/abc.1",
        "https://doi.org/10.1000/Abc.1",
        "http://dx.doi.org/10.1000%2Fabc.1",
        "10.1000/abc.1.",
    ],
)
def test_a_doi_is_read_from_every_usual_form(text):
    assert doi(text) == "10.1000/abc.1"


UNPRINTABLE_DOIS = ["10.1000/a%00b", "10.1000/a\ud800b", "10.1000/a\u202eb"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.1000",
        "11.1000/abc",
        "10.48550/arXiv.2309.17425",
        "10.1000/" + "a" * 300,
        *UNPRINTABLE_DOIS,
    ],
)
def test_what_is_no_doi_of_a_publisher_is_none(text):
    assert doi(text) is None


@pytest.mark.parametrize(
    "variant",
    [
        "Fast & Slow: Learning to Plan",
        "FAST &  slow - learning to plan!",
        "Fast Slow Learning-to-plan",
        "\uff26ast & Slow\u2014Learning to Plan",
    ],
)
def test_case_width_punctuation_and_spacing_do_not_change_a_title_key(variant):
    assert title_key(variant) == "fast slow learning to plan"


def test_vowel_signs_that_part_words_stay_in_the_key():
    assert title_key("कि") != title_key("का")


@given(st.text(min_size=1))
def test_a_title_key_fits_the_database_and_is_its_own_key(title):
    key = title_key(title)
    assert len(key) <= KEY_LIMIT
    assert title_key(key) == key
    assert bool(key) == bool(title.strip())


def test_long_titles_that_differ_late_have_different_keys():
    assert title_key("a" * 600 + " one") != title_key("a" * 600 + " two")


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        (["Ada Lovelace", "Bo Chen"], ["A. Lovelace"], False),
        (["José García"], ["Jose Garcia"], False),
        (["Ada Lovelace"], ["Bo Chen"], True),
        (["Ada Lovelace"], [], False),
    ],
)
def test_authors_disagree_only_where_both_are_named_and_share_nobody(one, other, disagree):
    assert authors_disagree(one, other) is disagree
