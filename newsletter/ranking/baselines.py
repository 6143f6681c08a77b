"""What the ranking has to beat: random, BM25, TF-IDF cosine, a linear SVM, and author history.

Plain textbook forms on the same words; they share nothing with the ranking but how text becomes
stems.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from newsletter.ranking.benchmark import (
    DailyBenchmark,
    FeedbackBenchmark,
    Query,
    Ranker,
    TopicBenchmark,
)
from newsletter.ranking.text import STOP_WORDS, stem, words
from newsletter.ranking.vectors import Floats

K1, B = 1.2, 0.75
SVM_C = 1.0
PAST_PAPERS = 3000
"""Listed papers that the daily SVM learns from, the newest first."""

Benchmark = TopicBenchmark | FeedbackBenchmark | DailyBenchmark


def baselines(benchmark: Benchmark) -> dict[str, Ranker]:
    """The baselines that make sense for a benchmark, by name."""
    if isinstance(benchmark, TopicBenchmark):
        counts = _Counts([(row["title"], row["abstract"]) for row in benchmark.documents.values()])
        asked: Callable[[Query], list[tuple[str, str]]] = lambda query: [(query.row["text"], "")]  # noqa: E731 (two tiny readers of a query)
        return {"random": _random, "bm25": counts.bm25(asked), "tfidf": counts.cosine(asked)}
    if isinstance(benchmark, FeedbackBenchmark):
        documents = benchmark.documents
        counts = _Counts([(row["title"], row["abstract"]) for row in documents.values()])

        def liked(query: Query) -> list[tuple[str, str]]:
            return [
                (documents[one]["title"], documents[one]["abstract"]) for one in query.row["liked"]
            ]

        return {
            "random": _random,
            "bm25": counts.bm25(liked),
            "tfidf": counts.cosine(liked),
            "svm": counts.svm(liked),
        }
    return {
        "random": _random,
        "authors": _author_history(benchmark),
        "svm": _listed_before(benchmark),
    }


def _random(query: Query) -> list[str]:
    """The same shuffle in every run, by the names and texts of query and paper."""
    return query.best_first(
        [crc32(f"{query.name}{paper.title}".encode()) for paper in query.papers]
    )


class _Counts:
    """Word counts with their document frequencies, title and abstract in one."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        counted = [_stems(title, abstract) for title, abstract in texts]
        having = Counter(chain.from_iterable(counted))
        self.columns = {one: column for column, one in enumerate(sorted(having))}
        total = len(texts)
        frequency = np.array([having[one] for one in self.columns])
        self.idf = np.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
        self.mean_length = sum(sum(one.values()) for one in counted) / total

    def table(self, texts: Sequence[tuple[str, str]]) -> sparse.csr_array:
        counted = [_stems(title, abstract) for title, abstract in texts]
        entries = [
            [(self.columns[one], n) for one, n in count.items() if one in self.columns]
            for count in counted
        ]
        starts = np.concatenate(([0], np.cumsum([len(one) for one in entries])))
        flat = np.array(list(chain.from_iterable(entries)), np.float64).reshape(-1, 2)
        return sparse.csr_array(
            (flat[:, 1], flat[:, 0].astype(np.int64), starts), shape=(len(texts), len(self.columns))
        )

    def vectors(self, texts: Sequence[tuple[str, str]]) -> sparse.csr_array:
        table = self.table(texts)
        table.data = (1 + np.log(table.data)) * self.idf[table.indices]
        lengths = np.sqrt(np.asarray((table * table).sum(axis=1)).ravel())
        return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ table)

    def bm25(self, asked: Callable[[Query], list[tuple[str, str]]]) -> Ranker:
        def ranker(query: Query) -> list[str]:
            table = self.table(_texts(query))
            lengths = np.asarray(table.sum(axis=1)).ravel() / self.mean_length
            rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
            table.data = (
                table.data
                * (K1 + 1)
                / (table.data + K1 * (1 - B + B * lengths[rows]))
                * self.idf[table.indices]
            )
            return query.best_first(
                table @ np.asarray(self.table(asked(query)).sum(axis=0)).ravel()
            )

        return ranker

    def cosine(self, asked: Callable[[Query], list[tuple[str, str]]]) -> Ranker:
        def ranker(query: Query) -> list[str]:
            wanted = np.asarray(self.vectors(asked(query)).sum(axis=0)).ravel()
            return query.best_first(self.vectors(_texts(query)) @ wanted)

        return ranker

    def svm(self, asked: Callable[[Query], list[tuple[str, str]]]) -> Ranker:
        """Liked papers against all candidates."""

        def ranker(query: Query) -> list[str]:
            own, liked = self.vectors(_texts(query)), self.vectors(asked(query))
            signs = np.concatenate((np.ones(liked.shape[0]), -np.ones(own.shape[0])))
            return query.best_first(own @ _svm(sparse.vstack([liked, own]), signs))

        return ranker


def _svm(everything: sparse.csr_array, signs: Floats) -> Floats:
    """Linear SVM with squared hinge loss, classes weighted alike (as liblinear's L2-loss, 2008)."""
    used = np.unique(everything.indices)
    table = sparse.csr_array(everything[:, used])
    weights = SVM_C * len(signs) / 2 / np.where(signs > 0, (signs > 0).sum(), (signs < 0).sum())

    def loss(parameters: Floats) -> tuple[float, Floats]:
        normal, offset = parameters[:-1], parameters[-1]
        short = np.maximum(0.0, 1 - signs * (table @ normal + offset))
        pull = -2 * weights * signs * short
        slope = np.concatenate((normal + table.T @ pull, [pull.sum()]))
        return float(normal @ normal / 2 + (weights * short**2).sum()), slope

    start = np.zeros(table.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x[:-1]
    return _spread(found, used, everything.shape[1])


def _spread(values: Floats, places: NDArray[np.intp], size: int) -> Floats:
    spread = np.zeros(size)
    spread[places] = values
    return spread


def _author_history(benchmark: DailyBenchmark) -> Ranker:
    """The sum over authors of ln(1 + votes) of their earlier papers, less the mean: who was
    picked before.
    """

    def ranker(query: Query) -> list[str]:
        past = [one for one in benchmark.history(query.row["date"]) if one.votes is not None]
        mean = float(np.mean([np.log1p(one.votes or 0) for one in past]))
        merits: defaultdict[str, list[float]] = defaultdict(list)
        for one in past:
            for author in one.authors:
                merits[author].append(float(np.log1p(one.votes or 0)) - mean)
        scores = [_sum_of_means(paper.authors, merits) for paper in query.papers]
        return query.best_first(scores)

    return ranker


def _sum_of_means(authors: Sequence[str], merits: Mapping[str, Sequence[float]]) -> float:
    return sum(
        sum(merits[author]) / (len(merits[author]) + 1) for author in authors if author in merits
    )


def _listed_before(benchmark: DailyBenchmark) -> Ranker:
    """Linear SVM on TF-IDF: earlier papers of many votes against those of few and those never
    listed.
    """

    def ranker(query: Query) -> list[str]:
        past = sorted(benchmark.history(query.row["date"]), key=lambda one: one.day)[-PAST_PAPERS:]
        texts = [(one.title, one.abstract) for one in past]
        counts = _Counts(texts)
        middle = float(np.median([one.votes for one in past if one.votes is not None]))
        signs = np.array(
            [1.0 if one.votes is not None and one.votes > middle else -1.0 for one in past]
        )
        return query.best_first(counts.vectors(_texts(query)) @ _svm(counts.vectors(texts), signs))

    return ranker


def _texts(query: Query) -> list[tuple[str, str]]:
    return [(paper.title, paper.abstract) for paper in query.papers]


@cache
def _stems(title: str, abstract: str) -> Counter[str]:
    return Counter(stem(word) for word in words(f"{title}\n{abstract}") if word not in STOP_WORDS)
