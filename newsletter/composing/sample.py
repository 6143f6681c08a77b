"""Sample papers: harmless cards in place of an edition's own. What is wrong with these as well is
wrong with the layout, whatever the papers are.
"""

from dataclasses import replace
from datetime import date
from itertools import cycle, islice

from newsletter.composing.content import PaperCard

_FIRST_ID = 2**53 - 1_000
"""Ids far from those of stored papers, and exact in JSON."""
_ABSTRACT = (
    "We sort printed letters by their shape. Two readers compare each of them with a known "
    "alphabet. A third one settles what is left. The method needs no training. "
)
_SPECIMENS = (
    PaperCard(
        0,
        "Sample Paper: Sorting Letters by Their Shape",
        _ABSTRACT * 4,
        ("Ada Byron", "Grace Hopper", "Mary Somerville", "Emmy Noether", "Sofia Kovalevskaya"),
        author_count=9,
        url="https://arxiv.org/abs/2601.00001",
        published=date(2026, 1, 7),
        votes=41,
        votes_before=30,
        comments=3,
        has_code=True,
        code_url="https://github.com/sample/paper",
        editor_note="Read the appendix first.",
        pinned=True,
    ),
    PaperCard(0, "A Sample Without a Link and Without Authors", author_count=4),
    PaperCard(
        0,
        "שלום: אותיות מסודרות לפי צורתן",
        "מיון אותיות. " * 60,
        ("עדה כהן",),
        url="https://arxiv.org/abs/2601.00003",
        has_code=True,
        pinned=True,
    ),
    PaperCard(
        0,
        "文字を形で並べ替える",
        "文字を並べ替える。" * 60,
        ("山田 花子", "Ada Byron"),
        url="https://arxiv.org/abs/2601.00004",
        votes=7,
        editor_note="文字の論文です。",
    ),
)
"""Together they have every element that a card can have; each that a card may lack is missing in
one of them.
"""


def sample_papers(count: int = len(_SPECIMENS)) -> tuple[PaperCard, ...]:
    """Return some sample papers, each with an id of its own; at least four show every element."""
    return tuple(
        replace(paper, id=_FIRST_ID + number)
        for number, paper in enumerate(islice(cycle(_SPECIMENS), count))
    )
