"""Made-up papers have the shape of real ones, and the same seed makes the same."""

import itertools
import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from math import log, sqrt

import numpy as np
import pytest

from bench.papers import Interest, PaperMaker
from ingest.sources import jsonl
from newsletter.ranking.text import STOP_WORDS, terms, words
from tests.bench.running import ROOT

DAY = date(2026, 1, 14)
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def interests():
    topics = json.loads((ROOT / "seeds" / "topics.json").read_text())
    return [Interest(tuple(one["phrases"]), tuple(one["categories"])) for one in topics]


def of_kind(counted, blanks):
    return [count for term, count in counted.items() if term.count(" ") == blanks]


@pytest.fixture(scope="module")
def papers():
    return PaperMaker(interests()).day(DAY, 3_500)


@pytest.mark.slow
def test_lengths_and_vocabulary_are_those_of_real_papers(papers):
    """The numbers are those of the table in bench.papers."""
    titles = [len(words(paper.title)) for paper in papers]
    abstracts = [words(paper.abstract) for paper in papers]
    assert np.mean(titles) == pytest.approx(11.1, rel=0.05)
    assert np.std(titles) == pytest.approx(3.2, rel=0.1)
    assert np.mean([*map(len, abstracts)]) == pytest.approx(185, rel=0.05)
    assert np.std([*map(len, abstracts)]) == pytest.approx(41, rel=0.1)
    flat = [*itertools.chain(*abstracts)]
    assert np.mean([word in STOP_WORDS for word in flat]) == pytest.approx(0.27, rel=0.05)
    held = [{*terms(paper.title), *terms(paper.abstract)} for paper in papers]
    having = Counter(itertools.chain(*held))
    assert np.mean([*map(len, held)]) == pytest.approx(369, rel=0.05)
    assert [len(of_kind(having, blanks)) for blanks in range(3)] == pytest.approx(
        [15_079, 280_590, 443_468], rel=0.1
    )
    often = Counter({term: count for term, count in having.items() if count > 1})
    assert [len(of_kind(often, blanks)) for blanks in range(3)] == pytest.approx(
        [6_751, 55_428, 15_929], rel=0.15
    )
    single = sorted(of_kind(having, 0), reverse=True)
    shares = [single[rank - 1] / len(papers) for rank in (10, 100, 1_000)]
    assert shares == pytest.approx([0.44, 0.17, 0.020], rel=0.3)


@pytest.mark.slow
def test_two_papers_have_as_much_in_common_as_two_real_ones(papers):
    """The numbers are those of the table in bench.papers."""
    held = [{*terms(f"{paper.title} {paper.abstract}")} for paper in papers]
    single = [{one for one in each if " " not in one} for each in held]
    having = Counter(itertools.chain(*single))
    weights = {one: log(len(papers) / count) for one, count in having.items()}
    lengths = [sqrt(sum(weights[one] ** 2 for one in each)) for each in single]
    chance = random.Random(1)
    pairs = [chance.sample(range(len(papers)), 2) for _ in range(3_000)]
    shared = [len(single[one] & single[two]) / len(single[one] | single[two]) for one, two in pairs]
    assert np.mean(shared) == pytest.approx(0.069, rel=0.2)

    def cosine(one, two):
        both = single[one] & single[two]
        return sum(weights[term] ** 2 for term in both) / lengths[one] / lengths[two]

    assert np.mean([cosine(*pair) for pair in pairs]) == pytest.approx(0.037, rel=0.25)
    nearest = [
        max(cosine(one, two) for two in range(len(papers)) if two != one)
        for one in range(0, 3_500, 70)
    ]
    assert np.mean(nearest) == pytest.approx(0.163, rel=0.2)


@pytest.mark.slow
def test_papers_name_topics_as_often_as_real_ones(papers):
    """The numbers are those of the table in bench.papers."""
    texts = [f" {' '.join(words(f'{paper.title} . {paper.abstract}'))} " for paper in papers]
    shares = []
    for interest in interests():
        phrases = [f" {' '.join(words(phrase))} " for phrase in interest.phrases]
        shares.append(np.mean([any(phrase in text for phrase in phrases) for text in texts]))
    assert sum(shares) == pytest.approx(2.4, rel=0.15)
    assert np.median(shares) == pytest.approx(0.027, rel=0.35)
    assert max(shares) == pytest.approx(0.29, rel=0.35)


def test_a_tenth_has_votes_and_they_grow():
    papers = PaperMaker(interests()).day(DAY, 400)
    voted = [paper for paper in papers if paper.votes is not None]
    assert len(voted) == 40
    assert 2 <= np.median([paper.votes for paper in voted]) <= 12
    most = max(voted, key=lambda paper: paper.votes)
    seen = [votes for _, votes in most.readings(NOON + timedelta(days=30))]
    assert seen == sorted(set(seen))
    assert 0.9 * most.votes < seen[-1] <= most.votes
    assert [at for at, _ in most.readings(NOON)] == [datetime(2026, 1, 14, 4, 20, tzinfo=UTC)]


def test_the_same_seed_makes_the_same_papers_and_another_seed_others():
    first, again, other = (PaperMaker(interests(), seed).day(DAY, 5) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_import_reads_every_line_without_a_warning():
    papers = PaperMaker(interests()).day(DAY, 300)
    lines = [json.dumps(paper.record(NOON)).encode() for paper in papers]
    parsed = jsonl.parse(lines, now=NOON)
    assert len(parsed.sightings) == 300
    assert not parsed.rejected
    assert not parsed.warnings
    assert len({sighting.arxiv_id for sighting in parsed.sightings}) == 300
    assert len({sighting.title for sighting in parsed.sightings}) == 300
    assert all(sighting.authors and sighting.categories for sighting in parsed.sightings)
