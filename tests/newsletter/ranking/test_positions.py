"""The index of all papers finds what an index of each text finds."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.ranking.packing import pack, unpack
from newsletter.ranking.phrases import FieldIndex
from newsletter.ranking.positions import PositionalIndex
from newsletter.ranking.text import STOP_WORDS
from tests.newsletter.ranking.plain_matching import touch

WORDS = st.sampled_from(
    ["fine", "tuning", "finetuning", "tune", "matrix", "matrices", "the", "of", "LLM", "LLMs", "ﾞ"]
)
GAPS = st.sampled_from([" ", "-", "–", ", ", ". ", " – ", "\n", "_"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=9).map(
    lambda parts: "".join(f"{word}{gap}" for word, gap in parts)
)
PAPERS = st.lists(st.tuples(TEXTS | st.text(max_size=12), TEXTS), max_size=4)
PHRASES = st.lists(
    st.lists(
        st.sampled_from(["fine", "tuning", "tunes", "finetuning", "matrix", "the", "llms", "new"]),
        max_size=4,
    ),
    max_size=5,
)


def spans_of(index, found):
    """(phrase, field, start, end) of each span, counted from the beginning of its field."""
    fields = index.field_of(found.start)
    firsts = index.starts[fields]
    return [
        tuple(map(int, span))
        for span in zip(found.row, fields, found.start - firsts, found.end - firsts, strict=True)
    ]


def fields_of(papers):
    return [FieldIndex(text) for paper in papers for text in paper]


@given(PAPERS, PHRASES)
@example([("Fine-tuning", "fine tuning")], [["finetuning"], ["fine", "tuning"]])
@example([("a-b-c", "")], [["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"]])
@pytest.mark.parametrize("way", ["stemmed", "spelled"])
def test_phrases_stand_where_they_stand_in_each_text(way, papers, phrases):
    index = PositionalIndex.build(papers)
    expected = [
        (row, field, *span)
        for row, phrase in enumerate(phrases)
        for field, text in enumerate(fields_of(papers))
        for span in getattr(text, way)(phrase)
    ]
    assert spans_of(index, getattr(index, way)(phrases)) == expected


@given(PAPERS)
def test_words_stems_and_joins_are_those_of_each_text(papers):
    index = PositionalIndex.build(papers)
    for field, text in enumerate(fields_of(papers)):
        first, last = index.starts[field], index.starts[field + 1] - 1
        positions = np.arange(first, last)
        assert [index.words[one] for one in index.tokens[first:last]] == text.words
        assert [index.stems[one] for one in index.stems_at(positions)] == text.stems
        assert index.tokens[last] == len(index.words)
        assert index.is_term[first : last + 1].tolist() == [
            *(word not in STOP_WORDS for word in text.words),
            False,
        ]
        assert index.touching[first : last + 1].tolist() == [
            *(touch(text, place, place + 1) for place in range(len(text.words) - 1)),
            *([False, False] if text.words else [False]),
        ]


@given(PAPERS, PHRASES)
def test_a_packed_index_finds_the_same(papers, phrases):
    index = PositionalIndex.build(papers)
    data, arrays, _ = unpack(b"TEST", 1, pack(b"TEST", 1, *index.to_plain()))
    again = PositionalIndex.from_plain(data, arrays)
    assert spans_of(again, again.stemmed(phrases)) == spans_of(index, index.stemmed(phrases))
    assert spans_of(again, again.spelled(phrases)) == spans_of(index, index.spelled(phrases))
    assert pack(b"TEST", 1, *again.to_plain()) == pack(b"TEST", 1, *index.to_plain())


@given(PAPERS, PHRASES, PHRASES)
def test_what_else_is_looked_for_changes_nothing(papers, phrases, others):
    index = PositionalIndex.build(papers)
    together = spans_of(index, index.stemmed([*phrases, *others]))
    assert [span for span in together if span[0] < len(phrases)] == spans_of(
        index, index.stemmed(phrases)
    )
