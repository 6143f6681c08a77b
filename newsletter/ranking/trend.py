"""How much a paper trends: the votes it has, how fast they come, and those it can still expect."""

from collections.abc import Sequence
from datetime import date
from math import log1p

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.values import CandidatePaper

MANY_VOTES = 200
MANY_IN_A_DAY = 100
LEVEL_SHARE = 0.6
HALF_LIFE_DAYS = 1.0
"""What is still expected of a paper halves with each day since it was first listed."""


def trend_scores(
    papers: Sequence[CandidatePaper], expected: NDArray[np.float32], today: date
) -> NDArray[np.int16]:
    """Trend of each paper, 0 to 1000.

    0.6 x ln(1 + v) / ln 201 + 0.4 x ln(1 + r) / ln 101, each at most 1, where r is the rise in a
    day and v the votes seen, raised towards the expected votes by the share of them still to come.
    Unknown votes with nothing expected give 0: nothing speaks for the paper then.
    """
    return np.array(
        [_trend(paper, float(votes), today) for paper, votes in zip(papers, expected, strict=True)],
        np.int16,
    )


def _trend(paper: CandidatePaper, expected: float, today: date) -> int:
    votes = likely_votes(paper, expected, today)
    level = min(log1p(votes) / log1p(MANY_VOTES), 1.0)
    rise = min(log1p(votes_in_a_day(paper)) / log1p(MANY_IN_A_DAY), 1.0)
    return round(1000 * (LEVEL_SHARE * level + (1 - LEVEL_SHARE) * rise))


def likely_votes(paper: CandidatePaper, expected: float, today: date) -> float:
    """Votes seen, plus what is missing to the expected votes as far as it may still come."""
    seen = max(paper.votes or 0, 0)
    to_come: float = 0.5 ** (max((today - paper.listed).days, 0) / HALF_LIFE_DAYS)
    return seen + to_come * max(expected - seen, 0)


def votes_in_a_day(paper: CandidatePaper) -> int:
    """Votes gained since `votes_before`; 0 where either count is unknown."""
    if paper.votes is None or paper.votes_before is None:
        return 0
    return max(paper.votes - paper.votes_before, 0)
