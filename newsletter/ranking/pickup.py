"""What the community will pick up: expected votes, learned from past listings alone."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import lsqr

from newsletter.ranking.text import terms
from newsletter.ranking.values import CandidatePaper

HALF_LIFE_DAYS = 365.0
PICKED_HALF_LIFE_DAYS = 90.0
RECENT = timedelta(days=180)
SHRINKAGE = 4.0
"""Papers that an author's mean is drawn towards the general mean by."""
FEWEST_PAPERS = 20
TRUSTED_PAPERS = 200
"""With fewer listed papers the features count less, down to nothing: what is expected then comes
near to the mean of all of them.
"""
FEWEST_FOR_PRIOR = 5
RAREST_KEPT = 3
DAMPING = 8.0
PICKED_DAMPING = 1.0
SWEEPS = 50
TITLE_WEIGHT = 3
TEXT_SCALE = 2.0
"""Length of a paper's words beside its authors, each of whom has length 1."""
JUDGED_SHARE = 0.8
"""The features' scales are learned from the newest fifth of the listed papers, judged by those
before.
"""
JOINT, AUTHORS, SIZE, CODE = 1.0, 0.7, 0.4, 0.5
PICKED_TEXT, PICKED_AUTHORS, PICKED_SIZE = 1.0, 1.0, 0.5
"""Weights of the standardised features, set once on past days and the same for every source."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PastPaper:
    """A paper of an earlier day. `votes` is None for one that was announced but never listed."""

    title: str
    abstract: str
    authors: tuple[str, ...]
    author_count: int | None
    has_code: bool
    day: date
    votes: int | None


class PickupModel:
    """Expected votes of new papers. Learns only from papers of days before `today`.

    Papers on a community's list are judged by authors, text, number of authors and code; papers
    that were only announced also by how like the listed ones they are. ValueError when there is too
    little history to learn from (`enough`).
    """

    def __init__(
        self, history: Sequence[PastPaper], today: date, counts: "TermCounts | None" = None
    ) -> None:
        """`counts` spares counting the same texts again when models of several days are made."""
        listed = sorted(
            (one for one in history if one.votes is not None and one.day < today), key=_order
        )
        if len(listed) < FEWEST_PAPERS:
            raise ValueError(
                f"only {len(listed)} listed papers before {today}; {FEWEST_PAPERS} are needed"
            )
        self.today = today
        self.background = sorted(
            (one for one in history if one.votes is None and one.day < today), key=_order
        )
        self.listed = listed
        self.standing = standings(listed)
        self.vocabulary = _Vocabulary([*listed, *self.background], counts or TermCounts())
        known = self.vocabulary.known
        self.texts, self.other_texts = known[: len(listed)], known[len(listed) :]
        self.bylines = _Bylines(listed)
        self.taught = self._teach(len(listed))
        self.authors = _Authors(listed, self.standing, today)
        self._calibrate()

    @staticmethod
    def enough(history: Sequence[PastPaper], today: date) -> bool:
        return sum(one.votes is not None and one.day < today for one in history) >= FEWEST_PAPERS

    def expected_votes(self, papers: Sequence[CandidatePaper]) -> Floats:
        """Votes a paper is expected to get, given that it gets what its rank in the past would
        bring.

        A candidate without a vote count is taken to be announced only, others to be listed.
        """
        if not papers:
            return np.zeros(0)
        past = [_as_past(paper, self.today) for paper in papers]
        texts = self.vocabulary.table(past)
        merit = self._merit(past, texts)
        announced = np.array([paper.votes is None for paper in papers], bool)
        votes = np.expm1(np.maximum(self.base + self.slope * merit, 0.0))
        if announced.any():
            out = np.flatnonzero(announced)
            chances = self._picked([past[at] for at in out.tolist()], texts[out])
            votes[announced] = chances * self.typical
        return np.asarray(votes)

    def known_for(self, paper: CandidatePaper) -> tuple[str, float] | None:
        """The author whose earlier listed papers, two or more, did best, with their mean votes,
        if that is above the typical.
        """
        best = max(
            ((self.authors.mean_votes(name), name) for name in paper.authors), default=(0.0, "")
        )
        return (best[1], best[0]) if best[0] > self.typical else None

    def _teach(self, count: int) -> Floats:
        """What words and authors together did for the standing of the first papers.

        In one regression, so that a subject gets no credit for a name, nor each of a group for all
        of them.
        """
        fading = _fading(self.listed[:count], self.today, HALF_LIFE_DAYS)
        return _ridge(
            self._joint(self.listed[:count], self.texts[:count]), self.standing[:count], fading
        )

    def _joint(self, papers: Sequence[PastPaper], texts: sparse.csr_array) -> sparse.csr_array:
        return sparse.csr_array(sparse.hstack([texts * TEXT_SCALE, self.bylines.table(papers)]))

    def _calibrate(self) -> None:
        """Scale of the features and votes per merit, from the newest papers judged by the older
        alone.
        """
        start = int(len(self.listed) * JUDGED_SHARE)
        old, new = self.listed[:start], self.listed[start:]
        joint = self._joint(new, self.texts[start:]) @ self._teach(start)
        authors = _Authors(old, self.standing[:start], self.today)
        raw = _features(new, joint, authors.following(new, self.standing[start:]))
        self.centre, self.spread = raw.mean(axis=0), raw.std(axis=0) + 1e-9
        merit = ((raw - self.centre) / self.spread) @ np.array([JOINT, AUTHORS, SIZE, CODE])
        votes = np.log1p(np.array([one.votes for one in new], np.float64))
        trust = min(len(self.listed) / TRUSTED_PAPERS, 1.0)
        every = np.log1p(np.array([one.votes for one in self.listed], np.float64))
        mean = trust * votes.mean() + (1 - trust) * every.mean()
        slope = max(float(np.cov(merit, votes)[0, 1] / (merit.var() + 1e-9)), 0.0)
        self.slope = trust * slope
        self.base = float(mean - self.slope * merit.mean())
        self.typical = float(np.median([one.votes for one in new]))

    def _merit(self, papers: Sequence[PastPaper], texts: sparse.csr_array) -> Floats:
        joint = self._joint(papers, texts) @ self.taught
        raw = _features(papers, joint, np.array([self.authors.sum(one.authors) for one in papers]))
        return np.asarray(
            ((raw - self.centre) / self.spread) @ np.array([JOINT, AUTHORS, SIZE, CODE])
        )

    def _picked(self, papers: Sequence[PastPaper], own: sparse.csr_array) -> Floats:
        """How likely the community lists each of the announced papers, 0 to 1, by rank in the day;
        `own` are the vectors of their texts.

        Text: listed papers of the last months against announced ones, the day's own among them,
        as most of those are never listed (learning from positive and unlabelled examples).
        """
        since = bisect_left([one.day for one in self.listed], self.today - RECENT)
        fading = _fading(self.listed[since:] or self.listed, self.today, PICKED_HALF_LIFE_DAYS)
        recent = self.texts[-len(fading) :]
        others = len(self.background) + len(papers)
        balance = np.concatenate((fading / fading.sum(), np.full(others, 1 / others)))
        target = np.concatenate((np.ones(len(fading)), np.zeros(others)))
        weights = balance * (len(target) / 2)
        text = own @ _ridge(
            sparse.vstack([recent, self.other_texts, own]), target, weights, PICKED_DAMPING
        )
        authors = np.array([self.authors.count(one.authors) for one in papers])
        sizes = np.log1p([_size(one) for one in papers])
        score = (
            PICKED_TEXT * _standard(text)
            + PICKED_AUTHORS * _standard(authors)
            + PICKED_SIZE * _standard(sizes)
        )
        return np.asarray(1 / (1 + np.exp(2.0 - score)))


def prior_votes(papers: Sequence[CandidatePaper], today: date) -> Floats:
    """Votes that papers are expected to get where no past listings teach anything yet.

    A paper of a list with votes is expected to get what the edition's papers of earlier days have:
    the mean of ln(1 + votes), turned back. 0 for papers that were only announced, and for all while
    fewer than FEWEST_FOR_PRIOR papers of earlier days have votes.
    """
    earlier = [one.votes for one in papers if one.votes is not None and one.listed < today]
    usual = (
        float(np.expm1(np.log1p(np.array(earlier, np.float64)).mean()))
        if len(earlier) >= FEWEST_FOR_PRIOR
        else 0.0
    )
    return np.array([0.0 if one.votes is None else usual for one in papers])


def standings(listed: Sequence[PastPaper]) -> Floats:
    """How high each paper stood on its day: -log2 of its share from the top, a quarter per halving,
    at most 1.

    The median paper of any day has about 1/4, the best of sixteen 1: so days of many and of few
    votes compare. `listed` must be in the order of days.
    """
    found: list[Floats] = []
    for _, day in groupby(listed, key=lambda one: one.day):
        votes = np.array([one.votes for one in day], np.float64)
        above = (votes[:, None] < votes[None, :]).sum(axis=1)
        found.append(np.clip(-np.log2((above + 0.5) / len(votes)) / 4, 0, 1))
    return np.concatenate(found) if found else np.zeros(0)


class _Authors:
    """What each author's earlier papers did, recent ones counting more."""

    def __init__(self, papers: Sequence[PastPaper], standing: Floats, today: date) -> None:
        self.mean = float(standing.mean())
        self.today = today
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, float] = defaultdict(float)
        self.votes: defaultdict[str, list[int]] = defaultdict(list)
        for paper, value in zip(papers, standing, strict=True):
            self.add(paper, float(value))

    def add(self, paper: PastPaper, value: float) -> None:
        fading = 0.5 ** ((self.today - paper.day).days / HALF_LIFE_DAYS)
        for name in _names(paper.authors):
            self.sums[name] += fading * (value - self.mean)
            self.counts[name] += fading
            if paper.votes is not None:
                self.votes[name].append(paper.votes)

    def sum(self, authors: Iterable[str]) -> float:
        """The sum of the authors' means, each drawn towards 0."""
        known = [name for name in _names(authors) if name in self.counts]
        return sum(self.sums[name] / (self.counts[name] + SHRINKAGE) for name in known)

    def count(self, authors: Iterable[str]) -> float:
        return float(
            np.log1p(sum(self.counts[name] for name in _names(authors) if name in self.counts))
        )

    def mean_votes(self, author: str) -> float:
        """Mean votes of an author's papers; 0 while there are fewer than two to take a mean of."""
        votes = self.votes.get(_name(author), [])
        return sum(votes) / len(votes) if len(votes) > 1 else 0.0

    def following(self, papers: Sequence[PastPaper], standing: Floats) -> Floats:
        """`sum` for papers in the order of days, each judged by earlier days only, then learned
        from.
        """
        found: list[float] = []
        at = 0
        for _, day in groupby(papers, key=lambda one: one.day):
            today = list(day)
            found += [self.sum(one.authors) for one in today]
            for one in today:
                self.add(one, float(standing[at]))
                at += 1
        return np.array(found)


class _Bylines:
    """Authors of the listed papers as columns."""

    def __init__(self, listed: Sequence[PastPaper]) -> None:
        self.columns = {
            name: column
            for column, name in enumerate(
                sorted({name for paper in listed for name in _names(paper.authors)})
            )
        }

    def table(self, papers: Sequence[PastPaper]) -> sparse.csr_array:
        """1 for each known author of each paper."""
        held = [
            [self.columns[name] for name in _names(paper.authors) if name in self.columns]
            for paper in papers
        ]
        columns = np.array(list(chain.from_iterable(held)), np.int64)
        return _table(np.ones(len(columns)), columns, list(map(len, held)), len(self.columns))


class TermCounts:
    """Terms of texts under numbers. What was counted once is not counted again."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = _Numbers()
        self._counted: dict[tuple[str, str], tuple[Numbers, Floats]] = {}

    def table(self, papers: Sequence[PastPaper]) -> sparse.csr_array:
        """How often each paper has each term, the title's counted TITLE_WEIGHT times."""
        rows = [self._row(paper.title, paper.abstract) for paper in papers]
        return _stacked(rows, len(self.numbers))

    def _row(self, title: str, abstract: str) -> tuple[Numbers, Floats]:
        if (title, abstract) not in self._counted:
            self._counted[title, abstract] = _count(title, abstract, self.numbers.__getitem__)
        return self._counted[title, abstract]


class _Numbers(dict[str, int]):
    """A number for every term that is looked up."""

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self)
        return number


def _count(
    title: str, abstract: str, number_of: Callable[[str], int | None]
) -> tuple[Numbers, Floats]:
    """The numbers of a text's terms, in order, and how often each occurs, the title's counted
    TITLE_WEIGHT times; terms without a number are left out.
    """
    counts: defaultdict[int | None, int] = defaultdict(int)
    for text, worth in ((abstract, 1), (title, TITLE_WEIGHT)):
        for number in map(number_of, terms(text)):
            counts[number] += worth
    counts.pop(None, None)
    return np.array(list(counts), np.int64), np.array(list(counts.values()), np.float64)


def _stacked(rows: Sequence[tuple[Numbers, Floats]], width: int) -> sparse.csr_array:
    columns = np.concatenate([np.zeros(0, np.int64), *(numbers for numbers, _ in rows)])
    values = np.concatenate([np.zeros(0), *(counts for _, counts in rows)])
    return _table(values, columns, [len(numbers) for numbers, _ in rows], width)


class _Vocabulary:
    """Terms that occur in enough of the papers, with their weights. `known` are the vectors of
    those papers.
    """

    def __init__(self, papers: Sequence[PastPaper], counts: TermCounts) -> None:
        table = counts.table(papers)
        having = np.bincount(table.indices, minlength=table.shape[1])
        kept = np.flatnonzero(having >= RAREST_KEPT)
        self.idf = np.log(len(papers) / having[kept])
        self.known = self._weighted(sparse.csr_array(table[:, kept]))
        columns = np.full(table.shape[1], -1)
        columns[kept] = np.arange(len(kept))
        self._columns = {
            term: column
            for term, column in zip(counts.numbers, columns.tolist(), strict=True)
            if column >= 0
        }

    def table(self, papers: Sequence[PastPaper]) -> sparse.csr_array:
        """(1 + ln tf) x idf, each paper scaled to length 1."""
        rows = [_count(paper.title, paper.abstract, self._columns.get) for paper in papers]
        return self._weighted(_stacked(rows, len(self._columns)))

    def _weighted(self, counted: sparse.csr_array) -> sparse.csr_array:
        counted.data = (1 + np.log(counted.data)) * self.idf[counted.indices]
        lengths = np.sqrt(np.asarray((counted * counted).sum(axis=1)).ravel())
        scale = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1.0))
        return sparse.csr_array(scale @ counted)


def _table(values: Floats, columns: Numbers, sizes: Sequence[int], width: int) -> sparse.csr_array:
    starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    return sparse.csr_array((values, columns, starts), shape=(len(sizes), width))


def _features(papers: Sequence[PastPaper], joint: Floats, authors: Floats) -> Floats:
    sizes = np.log1p([_size(one) for one in papers])
    code = np.array([one.has_code for one in papers], np.float64)
    return np.column_stack([joint, authors, sizes, code])


def _ridge(
    table: sparse.csr_array, target: Floats, weights: Floats, damping: float = DAMPING
) -> Floats:
    """Weighted ridge regression with the mean taken off (Hoerl and Kennard, 1970), solved by
    LSQR.
    """
    root = np.sqrt(weights)
    centred = target - (weights @ target) / weights.sum()
    scaled = sparse.diags_array(root) @ table
    return np.asarray(
        lsqr(scaled, root * centred, damp=float(np.sqrt(damping)), iter_lim=SWEEPS)[0]
    )


def _fading(papers: Sequence[PastPaper], today: date, half_life: float) -> Floats:
    return np.asarray(0.5 ** (np.array([(today - one.day).days for one in papers]) / half_life))


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9))


def _size(paper: PastPaper) -> int:
    return paper.author_count or len(paper.authors)


@lru_cache(maxsize=1 << 16)
def _name(author: str) -> str:
    return " ".join(author.casefold().split())


def _names(authors: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(map(_name, authors)))


def _order(paper: PastPaper) -> tuple[date, str, str, tuple[str, ...]]:
    return paper.day, paper.title, paper.abstract, paper.authors


def _as_past(paper: CandidatePaper, today: date) -> PastPaper:
    return PastPaper(
        paper.title,
        paper.abstract,
        paper.authors,
        paper.author_count,
        paper.has_code,
        today,
        paper.votes,
    )
