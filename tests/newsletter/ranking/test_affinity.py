"""Tastes scored together get what each gets by the plain rules, with all pairs of papers in one
table.
"""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.ranking import affinity as rules
from newsletter.ranking.archive import fit_archive
from newsletter.ranking.grams import KnownTerms
from newsletter.ranking.phrases import PaperIndex
from newsletter.ranking.positions import PositionalIndex
from newsletter.ranking.taste import TITLE_TWICE, TasteEvent, learn, term_hash, vector
from newsletter.ranking.topics import Library
from tests.newsletter.ranking.plain import paper
from tests.newsletter.ranking.plain_matching import touch

WORDS = [
    "audio",
    "codec",
    "neural",
    "graph",
    "message",
    "passing",
    "the",
    "of",
    "robot",
    "arm-chair",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
PAPERS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12)
ARCHIVE = fit_archive(
    (f"{one} {other} {third}", f"the {third} {one}, {other}")
    for one in WORDS[:6]
    for other in WORDS[2:8]
    for third in WORDS[4:]
)
EVENTS = st.builds(
    TasteEvent, TEXTS, TEXTS, st.sampled_from([1.0, -1.0, 0.3]), st.just(date(2026, 2, 1))
)
TASTES = st.lists(
    st.lists(EVENTS, max_size=3).map(lambda events: learn(b"", events, ARCHIVE)), max_size=4
)


def library_of(texts):
    return Library([paper(number, *text) for number, text in enumerate(texts, 1)], ARCHIVE)


def counted(title, abstract):
    """How often a paper has each term that the archive knows."""
    index = PaperIndex(title, abstract)
    counts = Counter(index.abstract.terms)
    for term in index.title.terms:
        counts[term] += TITLE_TWICE
    return {term: count for term, count in counts.items() if term in ARCHIVE.frequencies}


def plain_scores(texts, taste):
    vectors = []
    for text in texts:
        counts = counted(*text)
        weights = {term: n / (n + 1) * ARCHIVE.weight(term) for term, n in counts.items()}
        length = np.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        vectors.append({term: weight / length for term, weight in weights.items()})
    pairs = np.array([[_dot(one, two) for two in vectors] for one in vectors])
    middle = pairs.mean(axis=0)
    centred = pairs - middle[:, None] - middle[None, :] + middle.mean()
    lengths = np.sqrt(np.maximum(np.diag(centred), 0.01))
    cosines = centred / lengths[:, None] / lengths[None, :]
    hashes, weights, trust = vector(taste)
    liked = dict(zip(hashes.tolist(), np.rint(weights * rules.STEP) / rules.STEP, strict=True))
    sums = np.array(
        [
            sum(
                np.rint(value * rules.STEP) / rules.STEP * liked.get(term_hash(term), 0.0)
                for term, value in one.items()
            )
            for one in vectors
        ]
    )
    mean = sums.mean()
    near = sums - mean - mean / max(middle.mean(), 1e-9) * (middle - middle.mean())
    near = near / lengths
    best = sorted(range(len(near)), key=lambda place: (-near[place], place))[: rules.BEST]
    shares = np.maximum(near[best], 0.0)
    if shares.sum():
        near = near + rules.LIKE_THE_BEST * (shares @ cosines[best]) / shares.sum()
    return 1000 * trust * np.clip(near / rules.FULL, -1, 1)


def _dot(one, two):
    return sum(value * two.get(term, 0.0) for term, value in one.items())


@pytest.mark.slow
@settings(deadline=None, max_examples=120)
@given(PAPERS, TASTES)
def test_tastes_score_as_the_plain_rules_say(texts, tastes):
    scores = library_of(texts).affinity.scores(tastes)
    assert scores.shape == (len(tastes), len(texts))
    for row, taste in zip(scores, tastes, strict=True):
        assert row == pytest.approx(plain_scores(texts, taste), abs=0.6)


@settings(deadline=None, max_examples=40)
@given(PAPERS, TASTES)
def test_who_else_is_scored_changes_nothing(texts, tastes):
    affinity = library_of(texts).affinity
    together = affinity.scores([*tastes, *reversed(tastes)])
    for row, taste in zip(together, tastes, strict=False):
        assert np.array_equal(row, affinity.scores([taste])[0])


def test_blocks_of_any_size_score_the_same(monkeypatch):
    texts = [(f"{one} {other}", f"{other} of {one}") for one in WORDS for other in WORDS[:4]]
    liked = [learn(b"", [TasteEvent(*text, 1.0, date(2026, 2, 1))], ARCHIVE) for text in texts[:7]]
    whole = library_of(texts).affinity.scores(liked)
    monkeypatch.setattr(rules, "TOGETHER", 3)
    assert np.array_equal(library_of(texts).affinity.scores(liked), whole)
    assert whole.any()


def test_of_terms_that_share_a_hash_the_commoner_counts(monkeypatch):
    monkeypatch.setattr(rules, "term_hash", lambda term: len(term) % 2)
    texts = [(word, "") for word in WORDS]
    affinity = library_of(texts).affinity
    hashes, columns = affinity._columns
    for one, column in zip(hashes.tolist(), columns.tolist(), strict=True):
        same = [at for at, term in enumerate(affinity.terms.names()) if len(term) % 2 == one]
        assert column == min(same, key=lambda at: (-int(affinity.terms.documents[at]), at))


@given(PAPERS)
def test_terms_are_counted_as_in_each_text(texts):
    index = PositionalIndex.build(texts)
    terms = KnownTerms.of(index, ARCHIVE)
    names = list(terms.names())
    assert names == sorted(names) == [terms.name(at) for at in range(len(terms))]
    assert terms.documents.tolist() == [ARCHIVE.frequencies[name] for name in names]
    table = terms.counts(TITLE_TWICE).toarray()
    for row, text in zip(table, texts, strict=True):
        found = {name: count for name, count in zip(names, row, strict=True) if count}
        assert found == counted(*text)


@given(PAPERS)
def test_set_phrases_are_shared_by_as_many_papers_as_the_archive_has(texts):
    index = PositionalIndex.build(texts)
    shared = KnownTerms.of(index, ARCHIVE).shared()
    for field, text in enumerate(
        field for title, abstract in texts for field in _fields(title, abstract)
    ):
        first = index.starts[field]
        for place in range(len(text.words) - 1):
            pair = f"{text.stems[place]} {text.stems[place + 1]}"
            beside = ARCHIVE.frequencies.get(pair, 1) - 1 if touch(text, place, place + 1) else 0
            assert shared[first + place] == beside


def _fields(title, abstract):
    index = PaperIndex(title, abstract)
    return index.title, index.abstract
