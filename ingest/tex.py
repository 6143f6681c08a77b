"""TeX: formulas of titles and abstracts as Unicode text, since a mail can show neither TeX nor images to everyone."""

import re
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexWalkerError

_GROUP = r"\{[^{}]*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}"
_TEX = re.compile(
    r"\$(?!\s)[^$]{0,500}[^$\s]\$(?!\d)"  # a formula; prices such as $5 and $6 are none
    rf"|\{{\\[^{{}}]*(?:{_GROUP}[^{{}}]*)*\}}"  # {\em words}
    rf"|\\[a-zA-Z]+\*?(?:\s?{_GROUP})*"  # \textbf{words}, \alpha
    rf"|\\[\"'`^~=.]\s?(?:{_GROUP}|[a-zA-Z])"  # an accent and its letter
    r"|\\[%&#_$ ]"
)
_BARE_SPECIAL = re.compile(r"(?<!\\)([%#&])")
_POWER = re.compile(r"(?<=[A-Za-z0-9)\]])\^\{?([-+]?\d{1,3})\}?(?![\d.])")
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_CONVERTER = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=False)


def without_tex(text: str) -> str:
    """Return the text with TeX markup as Unicode characters. What is no TeX, or cannot be read as such, stays as it is.

    Numbers after a caret are raised in either case: people write n^2 without dollars.
    """
    plain = _TEX.sub(lambda piece: _converted(piece[0]), text) if "$" in text or "\\" in text else text
    return _POWER.sub(lambda power: power[1].translate(_RAISED), plain) if "^" in plain else plain


@lru_cache(maxsize=4_096)
def _converted(tex: str) -> str:
    """Convert one piece of TeX. Reading whole abstracts would take forty times as long and lose what follows a percent sign."""
    try:
        return str(_CONVERTER.latex_to_text(_BARE_SPECIAL.sub(r"\\\1", tex), tolerant_parsing=True))
    except (LatexWalkerError, ValueError, IndexError):
        return tex
