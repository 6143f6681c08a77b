"""What is kept in memory is bounded, and gone when nobody needs it."""

import gc
import sys
import weakref

import pytest

from newsletter.ranking.archive import fit_archive
from newsletter.ranking.describing import PICK_BYTES
from newsletter.ranking.memory import Memory
from newsletter.ranking.rank import explain, rank
from newsletter.ranking.reasons import LIST_BYTES, REASON_BYTES
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.taste import TasteEvent, learn
from tests.newsletter.ranking.plain import NOW, frozen, paper, reader, topic

TOPICS = [topic(1, "Diffusion models"), topic(2, "Robots", parent_id=1)]
PAPERS = [
    paper(1, "Diffusion models", "Models of diffusion, fast.", votes=9),
    paper(2, "Robots that walk", "A robot walks.", votes=3),
]
TASTE = learn(
    b"",
    [TasteEvent("Robots that walk", "A robot walks.", 1.0, NOW.date())],
    fit_archive((one.title, one.abstract) for one in PAPERS),
)
READERS = [
    reader(topics=(1, 2)),
    reader(phrases=("robot walks", "diffusion"), muted=("cars",)),
    reader(taste=TASTE),
]


def use(statistics):
    rank(statistics, READERS, [frozenset()] * len(READERS))
    for profile in READERS:
        explain(statistics, profile, [1, 2])
    statistics.match_phrases(["walking"])


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("stored", [False, True])
def test_statistics_are_freed_with_their_last_reference_without_the_collector(no_collector, stored):
    statistics = frozen(PAPERS, TOPICS)
    use(statistics)
    blob = statistics.to_bytes()
    if stored:
        statistics = EditionStatistics.from_bytes(blob)
        use(statistics)
    gone = [
        weakref.ref(one)
        for one in (statistics, statistics.library, statistics.library.index, statistics.shared)
    ]
    del statistics
    assert [one() for one in gone] == [None] * len(gone)


def test_a_memory_forgets_all_when_it_is_full():
    memory = Memory(1000)
    assert memory.get("one", 400, lambda: 1) == 1
    assert memory.get("one", 400, lambda: 2) == 1
    memory.keep("two", 2, 600)
    assert memory.known(["one", "two", "three"]) == [1, 2, None]
    memory.keep("three", 3, 1)
    assert memory.known(["one", "two", "three"]) == [None, None, 3]


def test_an_edition_remembers_no_more_than_it_may(monkeypatch):
    monkeypatch.setattr("newsletter.ranking.statistics.REMEMBERED", 20 * REASON_BYTES)
    statistics = frozen(PAPERS, TOPICS)
    for number in range(200):
        rank(statistics, [reader(phrases=(f"robot {number}",), balance=60)], [frozenset()])
    assert len(statistics.memory) < 200


def size_of(value, seen):
    """Bytes of a value and of all it holds that is not `seen` yet."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    held = list(value) if isinstance(value, tuple) else []
    held += list(value.values()) if isinstance(value, dict) else []
    held += [value.gaps] if hasattr(value, "gaps") else []
    return sys.getsizeof(value) + sum(size_of(one, seen) for one in held)


def test_what_is_remembered_is_no_larger_than_it_is_counted():
    statistics = frozen(PAPERS, TOPICS)
    (selection, *_rest) = rank(statistics, READERS, [frozenset()] * len(READERS))
    for pick in selection.picks:
        for reason in pick.reasons:
            assert size_of(reason, set()) <= REASON_BYTES
        assert size_of(pick.reasons, {id(reason) for reason in pick.reasons}) <= LIST_BYTES
        assert size_of(pick, {id(pick.reasons)}) <= PICK_BYTES
