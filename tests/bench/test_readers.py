"""Made-up readers differ from each other, and what they want is found in the papers."""

import json
from datetime import date

import pytest

from bench.papers import Interest, PaperMaker
from bench.readers import ReaderMaker
from newsletter.ranking.archive import fit_archive
from newsletter.ranking.taste import read
from tests.bench.running import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def papers():
    topics = json.loads((ROOT / "seeds" / "topics.json").read_text())
    interests = [Interest(tuple(one["phrases"]), tuple(one["categories"])) for one in topics]
    return PaperMaker(interests).day(date(2026, 1, 14), 300)


@pytest.fixture(scope="module")
def maker(papers):
    archive = fit_archive((paper.title, paper.abstract) for paper in papers)
    return ReaderMaker(papers, 55, archive, phrases=1_000, tastes=8)


@pytest.fixture(scope="module")
def readers(maker):
    return [maker.reader() for _ in range(600)]


def test_every_reader_wants_something_of_their_own(readers):
    assert len(set(readers)) == 600
    assert all(1 <= len(reader.topics) <= 6 for reader in readers)
    assert len({reader.balance for reader in readers}) > 90
    assert len({(reader.hour, reader.zone) for reader in readers}) > 80


def test_a_third_have_phrases_and_muted_words_and_half_a_taste(readers):
    assert 150 < sum(bool(reader.phrases) for reader in readers) < 250
    assert 150 < sum(bool(reader.muted) for reader in readers) < 250
    assert 240 < sum(bool(reader.taste) for reader in readers) < 360
    assert max(len(reader.phrases) for reader in readers) == 8


def test_phrases_are_many_and_stand_in_papers(maker, readers, papers):
    assert len(maker.pool) == len(set(maker.pool)) == 1_000
    texts = [f"{paper.title} {paper.abstract}".lower() for paper in papers]
    chosen = {phrase for reader in readers for phrase in reader.phrases}
    assert len(chosen) > 450
    words = [phrase for phrase in chosen if " " not in phrase]
    assert words
    for phrase in words:
        assert any(phrase in text for text in texts)


def test_a_taste_rests_on_5_to_60_events_and_nobody_shares_one(readers):
    tastes = [reader.taste for reader in readers if reader.taste]
    events = [read(taste).events for taste in tastes]
    assert min(events) >= 5
    assert max(events) <= 60
    assert len(set(tastes)) > 0.9 * len(tastes)
