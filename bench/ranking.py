"""`python -m bench.ranking`: how fast topics are matched, tastes learned and readers ranked, on
one core and in memory.
"""

import argparse
import os
import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core is measured, whatever the machine has

import numpy as np
from rich.console import Console
from rich.table import Table

from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.choosing import choose
from newsletter.ranking.rank import BLOCK, rank
from newsletter.ranking.readers import ReaderArrays, tabulate
from newsletter.ranking.scoring import Scorer
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.taste import TasteEvent, learn
from newsletter.ranking.values import CandidatePaper, ReaderProfile, TopicDefinition

Found = TypeVar("Found")

NOW = datetime(2026, 1, 14, 5, tzinfo=UTC)
WORDS = 6_000
ABSTRACT = 170
INTERESTS = 6
MUTED = 50
PROFILES = 5_000
BATCH = 400
TASTES = 500


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ranking", description=__doc__)
    parser.add_argument(
        "--readers",
        type=int,
        default=1_000_000,
        help="readers ranked from arrays (default %(default)s)",
    )
    parser.add_argument("--topics", type=int, default=300)
    parser.add_argument("--papers", type=int, default=200)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    chance = random.Random(1)  # noqa: S311 - a reproducible world, no secret
    texts = [(_text(chance, 9), _text(chance, ABSTRACT)) for _ in range(10 * options.papers)]
    archive = fit_archive(texts)
    papers = [
        _paper(number, title, abstract, chance)
        for number, (title, abstract) in enumerate(texts[: options.papers], 1)
    ]
    topics = [
        TopicDefinition(number, _text(chance, 2), (), (), None)
        for number in range(1, options.topics + 1)
    ]
    table = Table(title=f"ranking, one core: {options.papers} papers, {options.topics} topics")
    for heading in ("what", "seconds", "each"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    frozen, seconds = _timed(lambda: EditionStatistics.freeze(papers, topics, NOW, archive))
    table.add_row("freeze an edition, texts included", f"{seconds:.2f}", "")
    _, seconds = _timed(lambda: frozen.library.matches(topics))
    table.add_row(
        f"match {options.topics} topics with {options.papers} papers",
        f"{seconds:.2f}",
        f"{seconds / options.topics * 1e3:.2f} ms a topic",
    )
    event = TasteEvent(*texts[0], 1.0, NOW.date())
    taste, seconds = _timed(lambda: _learned(event, archive))
    table.add_row(
        f"learn {TASTES} events",
        f"{seconds:.2f}",
        f"{seconds / TASTES * 1e3:.2f} ms an event, {len(taste)} bytes",
    )
    profiles = _profiles(options.topics, taste)
    _, seconds = _timed(lambda: rank(frozen, profiles, [frozenset({1, 2})] * len(profiles)))
    table.add_row(
        f"rank {PROFILES:,} profiles, with reasons",
        f"{seconds:.2f}",
        f"{seconds / PROFILES * 1e6:.0f} µs a reader",
    )
    blob, seconds = _timed(frozen.to_bytes)
    table.add_row(
        "store the edition",
        f"{seconds:.2f}",
        f"{len(blob) / 1e3:.0f} kB",
    )
    stored, seconds = _timed(lambda: EditionStatistics.from_bytes(blob))
    followers = [ReaderProfile(one.topics, (), (), 0, 10, one.balance) for one in profiles]
    _, first = _timed(lambda: _rank_batches(stored, followers))
    table.add_row(
        f"load it and rank {PROFILES:,} with topics alone, in batches",
        f"{seconds + first:.2f}",
        f"{(seconds + first) / PROFILES * 1e6:.0f} µs a reader",
    )
    _, again = _timed(lambda: _rank_batches(stored, followers))
    table.add_row(
        "the same again, what was said remembered",
        f"{again:.2f}",
        f"{again / PROFILES * 1e6:.1f} µs a reader",
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    picks, seconds = _timed(lambda: _choose_all(frozen, options.readers))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    table.add_row(
        f"choose for {options.readers:,} readers, from arrays",
        f"{seconds:.2f}",
        f"{seconds / options.readers * 1e6:.1f} µs, {grown:.0f} MB more",
    )
    Console(width=132).print(
        table, f"{picks / options.readers:.1f} papers a reader; CPU seconds of this process"
    )


def _timed(work: Callable[[], Found]) -> tuple[Found, float]:
    """What the work gave, and its seconds of CPU: other processes do not count."""
    began = time.process_time()
    return work(), time.process_time() - began


def _text(chance: random.Random, words: int) -> str:
    """Words as common as their rank makes them (Zipf)."""
    return " ".join(f"word{int(WORDS ** chance.random())}" for _ in range(words))


def _paper(number: int, title: str, abstract: str, chance: random.Random) -> CandidatePaper:
    votes = int(3 ** (5 * chance.random()))
    day = date(2026, 1, chance.randrange(10, 15))
    return CandidatePaper(
        number,
        title,
        abstract,
        ("A. Author",),
        4,
        (),
        day,
        day,
        votes,
        votes // 2,
        0,
        has_code=chance.random() < 0.4,
    )


def _learned(event: TasteEvent, archive: ArchiveStatistics) -> bytes:
    taste = b""
    for _ in range(TASTES):
        taste = learn(taste, [event], archive)
    return taste


def _profiles(topics: int, taste: bytes) -> list[ReaderProfile]:
    chance = random.Random(2)  # noqa: S311 - as above
    return [
        ReaderProfile(
            tuple(chance.sample(range(1, topics + 1), chance.randint(1, INTERESTS))),
            (f"word{number % 40}",) if number % 4 == 0 else (),
            (f"word{number % MUTED}",) if number % 3 == 0 else (),
            number % 5,
            10,
            chance.randrange(101),
            taste if number % 10 == 0 else b"",
        )
        for number in range(PROFILES)
    ]


def _rank_batches(stored: EditionStatistics, profiles: list[ReaderProfile]) -> None:
    for start in range(0, len(profiles), BATCH):
        batch = profiles[start : start + BATCH]
        rank(stored, batch, [frozenset()] * len(batch))


def _choose_all(frozen: EditionStatistics, readers: int) -> int:
    """Hard rules, scores, diversity and the choice for all readers, block by block; returns the
    papers chosen.
    """
    tables, _ = tabulate(
        frozen,
        [ReaderProfile((), (), tuple(f"word{number}" for number in range(MUTED)), 0, 10, 50)],
    )
    scorer = Scorer(tables)
    chance = np.random.default_rng(3)
    chosen = 0
    for start in range(0, readers, BLOCK):
        block = _readers(min(BLOCK, readers - start), len(frozen.topics), chance)
        scored = scorer.block(block)
        chosen += int((choose(scorer, block, scored, np.zeros(scored.slot.shape, bool)) >= 0).sum())
    return chosen


def _readers(count: int, topics: int, chance: np.random.Generator) -> ReaderArrays:
    """Readers with one to six topics; every third has muted a word."""
    interests = chance.integers(0, topics, (count, INTERESTS)).astype(np.int32)
    interests[np.arange(INTERESTS) >= chance.integers(1, INTERESTS + 1, count)[:, None]] = -1
    muted = np.where(
        chance.random((count, 1)) < 1 / 3, chance.integers(0, MUTED, (count, 1)), -1
    ).astype(np.int32)
    balance = chance.integers(0, 101, count).astype(np.int32)
    limit = chance.choice([3, 5, 8, 10], count).astype(np.int32)
    return ReaderArrays(
        interests,
        muted,
        chance.integers(0, 6, count).astype(np.int32),
        limit,
        balance,
        np.full(count, -1, np.int32),
    )


if __name__ == "__main__":
    main()
