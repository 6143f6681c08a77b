"""A small credit for new papers that halves every three days."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.values import CandidatePaper

NEWEST = 100
HALF_LIFE_DAYS = 3.0


def freshness_scores(papers: Sequence[CandidatePaper], today: date) -> NDArray[np.int16]:
    """Freshness of each paper, 0 to 100 thousandths: 100 x 0.5^(age / 3 days).

    Age counts from publication, or from the first listing where that is unknown; dates that lie
    ahead (another time zone) count as today.
    """
    ages = [max((today - (paper.published or paper.listed)).days, 0) for paper in papers]
    return np.rint(NEWEST * 0.5 ** (np.array(ages, np.float64) / HALF_LIFE_DAYS)).astype(np.int16)
