"""Titles, abstracts and names as sources write them, made readable: TeX becomes Unicode text,
then the text is cleaned. Pure.
"""

from collections.abc import Iterable

from ingest.cleaning import ABSTRACT_LIMIT, NAME_LIMIT, TITLE_LIMIT, body, one_line
from ingest.tex import without_tex

_FAR_TOO_LONG = 200_000
"""Characters of a text that are looked at; what is longer is cut far below that anyway."""


def title(text: str) -> str:
    """Return a title as one readable line."""
    return one_line(without_tex(one_line(text[:_FAR_TOO_LONG], TITLE_LIMIT)), TITLE_LIMIT)


def abstract(text: str) -> str:
    """Return an abstract as readable text; its line breaks are those of a file, so that only
    empty lines part paragraphs.
    """
    paragraphs = body(text[:_FAR_TOO_LONG], ABSTRACT_LIMIT).split("\n\n")
    return body(
        "\n\n".join(without_tex(" ".join(paragraph.split())) for paragraph in paragraphs),
        ABSTRACT_LIMIT,
    )


def names(given: Iterable[str]) -> tuple[str, ...]:
    """Return names of people as readable lines, without the empty ones."""
    lines = (
        one_line(without_tex(one_line(name[:_FAR_TOO_LONG], NAME_LIMIT)), NAME_LIMIT)
        for name in given
    )
    return tuple(line for line in lines if line)
