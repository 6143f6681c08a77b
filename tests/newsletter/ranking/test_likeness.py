from hypothesis import given
from hypothesis import strategies as st

from newsletter.ranking import likeness
from newsletter.ranking.likeness import FEWEST_TITLE_WORDS, SAME_TEXT, SAME_TITLE, near_duplicates
from newsletter.ranking.phrases import PaperIndex
from newsletter.ranking.positions import PositionalIndex

LETTERS = st.lists(st.sampled_from("abcdefghij"), max_size=12).map(" ".join)
PAPERS = st.lists(st.tuples(LETTERS, LETTERS), max_size=9)


def jaccard(one, two):
    return len(one & two) / len(one | two) if one | two else 0.0


def plain_pairs(papers):
    """Every pair compared with every other."""
    indexes = [PaperIndex(*paper) for paper in papers]
    titles = [set(index.title.stems) for index in indexes]
    texts = [set(index.title.stems) | set(index.abstract.stems) for index in indexes]

    def alike(one, two):
        long_titles = min(len(titles[one]), len(titles[two])) >= FEWEST_TITLE_WORDS
        abstracts = [len(indexes[place].abstract.words) for place in (one, two)]
        return (long_titles and jaccard(titles[one], titles[two]) >= SAME_TITLE) or (
            min(abstracts) >= FEWEST_TITLE_WORDS and jaccard(texts[one], texts[two]) >= SAME_TEXT
        )

    places = range(len(papers))
    return [[one, two] for one in places for two in places if one != two and alike(one, two)]


@given(PAPERS)
def test_near_duplicates_are_those_that_comparing_every_pair_finds(papers):
    assert near_duplicates(PositionalIndex.build(papers)).tolist() == plain_pairs(papers)


def test_blocks_of_any_size_find_the_same(monkeypatch):
    papers = [(f"one two three four {n // 3}", "a b c d e") for n in range(12)]
    whole = near_duplicates(PositionalIndex.build(papers)).tolist()
    monkeypatch.setattr(likeness, "TOGETHER", 2)
    monkeypatch.setattr(likeness, "COMPARED", 3)
    assert near_duplicates(PositionalIndex.build(papers)).tolist() == whole == plain_pairs(papers)
