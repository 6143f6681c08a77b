"""How much a paper trends: its votes and how fast they come."""

from collections.abc import Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.values import CandidatePaper

MANY_VOTES = 200
MANY_IN_A_DAY = 100
LEVEL_SHARE = 0.6


def trend_scores(papers: Sequence[CandidatePaper]) -> NDArray[np.int16]:
    """Trend of each paper, 0 to 1000; 0 also where votes are unknown, as nothing speaks for it then."""
    return np.array([_trend(paper) for paper in papers], np.int16)


def _trend(paper: CandidatePaper) -> int:
    if paper.votes is None:
        return 0
    level = min(log1p(max(paper.votes, 0)) / log1p(MANY_VOTES), 1.0)
    rise = min(log1p(votes_in_a_day(paper)) / log1p(MANY_IN_A_DAY), 1.0)
    return round(1000 * (LEVEL_SHARE * level + (1 - LEVEL_SHARE) * rise))


def votes_in_a_day(paper: CandidatePaper) -> int:
    """Votes gained since `votes_before`; 0 where either count is unknown."""
    if paper.votes is None or paper.votes_before is None:
        return 0
    return max(paper.votes - paper.votes_before, 0)
