"""TeX: formulas of titles and abstracts as Unicode text, since a mail can show neither TeX nor images to everyone."""

import re

from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexWalkerError

_LOOKS_LIKE_TEX = re.compile(r"\$(?!\s)[^$]*[^$\s]\$(?!\d)|\\[a-zA-Z]+|\\[\"'`^~=.%&#_$]|\{\\")
_BARE_SPECIAL = re.compile(r"(?<!\\)([%#&])")
_POWER = re.compile(r"(?<=[A-Za-z0-9)\]])\^\{?([-+]?\d{1,3})\}?(?![\d.])")
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_SPEND_AT_MOST = 20_000
_DEEPEST = 40
_CONVERTER = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=False)


def without_tex(text: str) -> str:
    """Return the text with TeX markup as Unicode characters; text that is no TeX, or that cannot be read as such, stays as it is.

    Numbers after a caret are raised in either case: people write n^2 without dollars.
    """
    return _POWER.sub(lambda power: power[1].translate(_RAISED), _converted(text))


def _converted(text: str) -> str:
    if not _LOOKS_LIKE_TEX.search(text) or len(text) > _SPEND_AT_MOST or _depth(text) > _DEEPEST:
        return text
    try:
        # A bare % begins a comment in TeX, but here it is a percentage that must not swallow the rest.
        return str(_CONVERTER.latex_to_text(_BARE_SPECIAL.sub(r"\\\1", text), tolerant_parsing=True))
    except (LatexWalkerError, ValueError, IndexError):
        return text


def _depth(text: str) -> int:
    """Return how deep braces nest at most; the parser recurses once per level."""
    depth = deepest = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest
