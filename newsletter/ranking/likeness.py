"""Papers that say the same thing twice: new versions, re-posts, two listings of one work."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.ranking.phrases import FieldIndex, PaperIndex

SAME_TITLE = 0.8
SAME_TEXT = 0.7
FEWEST_TITLE_WORDS = 4


def near_duplicates(indexes: Sequence[PaperIndex]) -> NDArray[np.bool_]:
    """Which pairs are near-duplicates: bool of shape (papers, papers), symmetric, diagonal True.

    Two papers are when at least 80 % of the stems of both titles, or 70 % of those of title and
    abstract together, are shared (Jaccard index). Titles under four words are too short to tell.
    """
    titles = [set(index.title.stems) for index in indexes]
    texts = [
        title | set(index.abstract.stems) for title, index in zip(titles, indexes, strict=True)
    ]
    long_enough = np.array([len(title) >= FEWEST_TITLE_WORDS for title in titles], bool)
    same_title = (_jaccard(titles) >= SAME_TITLE) & long_enough[:, None] & long_enough[None, :]
    has_abstract = np.array([_is_text(index.abstract) for index in indexes], bool)
    same_text = (_jaccard(texts) >= SAME_TEXT) & has_abstract[:, None] & has_abstract[None, :]
    return np.asarray(same_title | same_text | np.eye(len(indexes), dtype=bool))


def _is_text(abstract: FieldIndex) -> bool:
    return len(abstract.tokens) >= FEWEST_TITLE_WORDS


def _jaccard(sets: Sequence[set[str]]) -> NDArray[np.float64]:
    numbers: dict[str, int] = {}
    columns = [numbers.setdefault(one, len(numbers)) for members in sets for one in members]
    sizes = np.array([len(members) for members in sets], np.int64)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    shape = (len(sets), max(len(numbers), 1))
    table = sparse.csr_array(
        (np.ones(len(columns), np.int32), np.array(columns, np.int64), starts), shape=shape
    )
    shared = (table @ table.T).toarray().astype(np.float64)
    joint = sizes[:, None] + sizes[None, :] - shared
    same: NDArray[np.float64] = np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)
    return same
