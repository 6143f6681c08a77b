"""Words and phrases a reader never wants to see."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.phrases import PaperIndex, phrase_words


def muted_papers(muted: str, indexes: Sequence[PaperIndex]) -> NDArray[np.bool_]:
    """Which papers have the muted word or phrase in title or abstract.

    Whole words only, in any case and number: muting "LLM" mutes "LLMs" but not "LLMOps".
    """
    phrase = phrase_words(muted)
    return np.array([bool(phrase) and index.mentions(phrase) for index in indexes], bool)
