"""The port: what Paperboy needs of a model that gives texts places by their meaning."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A sentence-embedding model, loaded and ready."""

    @property
    def name(self) -> str:
        """Name of the model and of its weights: vectors of two names are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1 for the texts, float32 (texts, dimensions); of what is too long the
        beginning counts.

        The same text has the same vector whatever stands beside it, up to rounding. An empty text
        has one too.
        """
        ...


class BadModel(ValueError):
    """A model cannot be used; the message says what is wrong and what to do."""


def paper_text(title: str, abstract: str) -> str:
    """What of a paper is embedded: the title first, since the end of a long text is cut."""
    return f"{title}. {abstract}" if abstract else title
