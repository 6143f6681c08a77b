"""The ranking, run over a folder of labelled queries: topics, feedback or daily.

Only texts, authors, dates, votes and code links are read. Ids serve to name papers in the answer;
candidates are put in the order of their texts first, so neither ids nor the order of lines matter.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.affinity import Affinity
from newsletter.ranking.archive import ArchiveStatistics, fit_archive
from newsletter.ranking.meanings import Meanings, asked_text
from newsletter.ranking.pickup import PastPaper, PickupModel, TermCounts
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.taste import TasteEvent, learn
from newsletter.ranking.topics import Library
from newsletter.ranking.values import CandidatePaper, TopicDefinition

DAY = date(2026, 1, 1)
"""Stands for the day where a query has none."""
BRANCH, FIRST_BESIDE = 2, 3
"""Ids of the branch a topic sits under, and of the first topic beside it; the topic itself is 1."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """One query with its papers in the order of their texts. `ids` are their names in that
    order.
    """

    name: str
    row: Row
    ids: tuple[str, ...]
    papers: tuple[CandidatePaper, ...]

    def best_first(self, scores: Sequence[float] | NDArray[Any]) -> list[str]:
        order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
        return [self.ids[place] for place in order]


Ranker = Callable[[Query], list[str]]


class BadFolder(ValueError):
    """The folder does not have the files or fields of the benchmark."""


def read_rows(folder: Path, stem: str) -> list[Row]:
    """The objects of stem.jsonl or stem.jsonl.gz. BadFolder names the file and line that cannot
    be read.
    """
    for path in (folder / f"{stem}.jsonl.gz", folder / f"{stem}.jsonl"):
        if path.exists():
            return list(_rows(path))
    raise BadFolder(f"{folder} has neither {stem}.jsonl.gz nor {stem}.jsonl")


def _rows(path: Path) -> Iterator[Row]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    for number, line in enumerate(text.decode().split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BadFolder(f"{path}:{number} is not JSON: {error}") from error


class TopicBenchmark:
    """A subscriber typed a topic: which papers are on it? Labels that share a parent are its
    branch.
    """

    def __init__(self, folder: Path) -> None:
        self.documents = {row["id"]: row for row in read_rows(folder, "docs")}
        self.rows = read_rows(folder, "queries")
        self.branches: defaultdict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row.get("parent"):
                self.branches[row["parent"]].add(row["text"])
        self.archive = fit_archive(
            (row["title"], row["abstract"]) for row in self.documents.values()
        )
        self.meanings: Meanings | None = None

    def queries(self) -> Iterator[Query]:
        return (_query(row, self.documents) for row in self.rows)

    def use_meanings(
        self,
        model: str,
        embed: Callable[[Sequence[str]], NDArray[Any]],
        paper_text: Callable[[str, str], str],
    ) -> None:
        """Embed every document and everything asked for, once: rank by meaning too."""
        names = sorted(
            {*(asked_text(row["text"]) for row in self.rows), *map(asked_text, self.branches)}
        )
        texts = [paper_text(row["title"], row["abstract"]) for row in self.documents.values()]
        vectors = embed([*texts, *names]).astype(np.float16)
        self.meanings = Meanings(
            model,
            dict(enumerate(vectors[: len(texts)])),
            dict(zip(names, vectors[len(texts) :], strict=True)),
        )
        self._rows = {name: row for row, name in enumerate(self.documents)}

    def _meanings(self, query: Query) -> Meanings | None:
        if self.meanings is None:
            return None
        papers = {
            paper.id: self.meanings.papers[self._rows[name]]
            for paper, name in zip(query.papers, query.ids, strict=True)
        }
        return replace(self.meanings, papers=papers)

    def rank(self, query: Query) -> list[str]:
        library = Library(query.papers, self.archive, self._meanings(query))
        topics = self._topics(query.row)
        (scores,), _ = library.topic_matches(topics[:1], topics)
        return query.best_first(scores)

    def _topics(self, row: Row) -> list[TopicDefinition]:
        parent = row.get("parent")
        if not parent:
            return [TopicDefinition(1, row["text"], (), (), None)]
        beside = sorted(self.branches[parent] - {row["text"]})
        return [
            TopicDefinition(1, row["text"], (), (), BRANCH),
            TopicDefinition(BRANCH, parent, (), (), None),
            *(
                TopicDefinition(FIRST_BESIDE + at, name, (), (), BRANCH)
                for at, name in enumerate(beside)
            ),
        ]


class FeedbackBenchmark:
    """A reader liked some papers: which further ones did the same reader choose?"""

    def __init__(self, folder: Path) -> None:
        self.documents = {row["id"]: row for row in read_rows(folder, "docs")}
        self.rows = read_rows(folder, "queries")
        self.archive = fit_archive(
            (row["title"], row["abstract"]) for row in self.documents.values()
        )
        self._papers: tuple[CandidatePaper, ...] = ()
        self._last = Library((), self.archive).affinity

    def queries(self) -> Iterator[Query]:
        return (_query(row, self.documents) for row in self.rows)

    def rank(self, query: Query) -> list[str]:
        liked = sorted(
            (self.documents[one]["title"], self.documents[one]["abstract"])
            for one in query.row["liked"]
        )
        taste = learn(
            b"", [TasteEvent(title, abstract, 1.0, DAY) for title, abstract in liked], self.archive
        )
        return query.best_first(self._affinity(query).scores([taste])[0])

    def _affinity(self, query: Query) -> Affinity:
        """One reader's queries share their candidates and come one after the other."""
        if self._papers != query.papers:
            self._papers = query.papers
            self._last = Library(query.papers, self.archive).affinity
        return self._last


class DailyBenchmark:
    """A real day's listing: which papers will the community pick up? Only earlier days are
    learned from.
    """

    def __init__(self, folder: Path) -> None:
        self.listed = {row["date"]: row["papers"] for row in read_rows(folder, "community_days")}
        self.announced = {row["date"]: row["papers"] for row in read_rows(folder, "arxiv_days")}
        self.rows = sorted(read_rows(folder, "queries"), key=lambda row: str(row["date"]))
        self.archive = ArchiveStatistics(0, 0.0, {})
        self._counts = TermCounts()
        self._day = ""
        self._model: PickupModel | None = None

    def queries(self) -> Iterator[Query]:
        for row in self.rows:
            day = self._papers_of(row)
            yield _query(
                row,
                {paper["id"]: paper for paper in day},
                listed=day is self.listed.get(row["date"]),
            )

    def rank(self, query: Query) -> list[str]:
        day = query.row["date"]
        frozen = EditionStatistics.freeze(
            query.papers, (), _noon(date.fromisoformat(day)), self.archive, self.model(day)
        )
        return query.best_first(frozen.trend)

    def model(self, day: str) -> PickupModel | None:
        """What was known before a day, fitted once for all its queries; None on the first days,
        as in an edition.
        """
        if self._day != day:
            history, today = self.history(day), date.fromisoformat(day)
            self._model = (
                PickupModel(history, today, self._counts)
                if PickupModel.enough(history, today)
                else None
            )
            self._day = day
        return self._model

    def history(self, day: str) -> list[PastPaper]:
        """Papers of earlier days; announced ones that were listed by then count as listed only."""
        listed = [
            (paper, before)
            for before, papers in self.listed.items()
            if before < day
            for paper in papers
        ]
        known = {paper["id"] for paper, _ in listed}
        announced = [
            (paper, before)
            for before, papers in self.announced.items()
            if before < day
            for paper in papers
        ]
        past = [_past(paper, before, paper["upvotes"]) for paper, before in listed]
        return past + [
            _past(paper, before, None) for paper, before in announced if paper["id"] not in known
        ]

    def _papers_of(self, row: Row) -> list[Row]:
        """The day's list that has all candidates of a query."""
        for days in (self.listed, self.announced):
            papers: list[Row] = days.get(row["date"], [])
            if {paper["id"] for paper in papers}.issuperset(row["candidates"]):
                return papers
        raise BadFolder(f"query {row['query']}: no list of {row['date']} has all its candidates")


KINDS: Mapping[str, Callable[[Path], TopicBenchmark | FeedbackBenchmark | DailyBenchmark]] = {
    "topics": TopicBenchmark,
    "feedback": FeedbackBenchmark,
    "daily": DailyBenchmark,
}


def _query(row: Row, documents: Mapping[str, Row], *, listed: bool = False) -> Query:
    try:
        texts = [
            (documents[one]["title"], documents[one]["abstract"], one) for one in row["candidates"]
        ]
    except KeyError as error:
        raise BadFolder(f"query {row.get('query')}: no text for {error}") from error
    ids = tuple(one for _, _, one in sorted(texts, key=lambda text: text[:2]))
    day = date.fromisoformat(row["date"]) if "date" in row else DAY
    papers = tuple(
        _candidate(number, documents[one], day, listed) for number, one in enumerate(ids, 1)
    )
    return Query(row["query"], row, ids, papers)


def _candidate(number: int, row: Row, day: date, listed: bool) -> CandidatePaper:
    """A listed paper starts the day with no votes; of one that was only announced nobody counts
    them.
    """
    return CandidatePaper(
        id=number,
        title=row["title"],
        abstract=row["abstract"],
        authors=tuple(row.get("authors", ())),
        author_count=None,
        categories=tuple(row.get("categories", ())),
        published=None,
        listed=day,
        votes=0 if listed else None,
        votes_before=None,
        comments=None,
        has_code=bool(row.get("code")),
    )


def _past(row: Row, day: str, votes: int | None) -> PastPaper:
    has_code = bool(row.get("code"))
    return PastPaper(
        row["title"],
        row["abstract"],
        tuple(row["authors"]),
        None,
        has_code,
        date.fromisoformat(day),
        votes,
    )


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
