"""TeX: formulas of titles and abstracts as Unicode text, since a mail can show neither TeX nor
images to everyone.
"""

import re
from functools import lru_cache
from typing import Any

from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import LatexWalkerError

from ingest.failures import VALUE_ERRORS

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
_LOOKS = frozenset(
    re.findall(
        r"\w+",
        "em bf it sc tt rm sf sl cal bfseries itshape scshape ttfamily rmfamily sffamily slshape "
        "upshape mdseries normalfont tiny"
        " scriptsize footnotesize small normalsize large Large LARGE huge Huge left right middle "
        "big Big bigg Bigg bigl bigr bigm Bigl Bigr"
        " displaystyle textstyle scriptstyle limits nolimits nonumber noindent centering boldmath "
        "unboldmath xspace protect bigskip"
        " smallskip medskip par newline linebreak hfill",
    )
)
"""Macros of TeX that change only the look, and that pylatexenc does not know."""
_ERRORS = (LatexWalkerError, *VALUE_ERRORS)
"""What pylatexenc raises. Trying every macro that version 2.10 knows without, with too few and with
deeply nested arguments raised ValueError, LookupError, AttributeError and RecursionError.
"""
_MOST_NESTED = 5
"""How many brackets may be open at once. pylatexenc reads what follows an unclosed one twice, so
that its time doubles with each level: 30 of them take hours.
"""
_MACROS = get_default_latex_context_db()
# Authors name things by macros of their own, “\\ours is faster”; dropping what we do not know would
# take the subject out of the sentence.
_MACROS.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=lambda node: _name_of(node)))
_CONVERTER = LatexNodes2Text(
    _MACROS, math_mode="text", keep_comments=True, strict_latex_spaces=False
)


def without_tex(text: str) -> str:
    """Return the text with TeX markup as Unicode characters. What is no TeX, or cannot be read as
    such, stays as it is.

    Numbers after a caret are raised in either case: people write n^2 without dollars.
    """
    plain = (
        _TEX.sub(lambda piece: _converted(piece[0]), text) if "$" in text or "\\" in text else text
    )
    return _POWER.sub(lambda power: power[1].translate(_RAISED), plain) if "^" in plain else plain


@lru_cache(maxsize=4_096)
def _converted(tex: str) -> str:
    """Convert one piece of TeX. Reading whole abstracts would take forty times as long and lose
    what follows a percent sign.
    """
    if _depth(tex) > _MOST_NESTED:
        return tex
    try:
        return str(_CONVERTER.latex_to_text(_BARE_SPECIAL.sub(r"\\\1", tex), tolerant_parsing=True))
    except _ERRORS:
        return tex


def _depth(tex: str) -> int:
    """Return how many brackets are open at the deepest place; unclosed ones stay open."""
    deepest, still_open = 0, {"{": 0, "[": 0}
    for sign in tex:
        if sign in "{[":
            still_open[sign] += 1
            deepest = max(deepest, sum(still_open.values()))
        elif sign in "}]":
            opening = "{" if sign == "}" else "["
            still_open[opening] = max(0, still_open[opening] - 1)
    return deepest


def _name_of(node: Any) -> str:
    """Return what stands for an unknown macro: its name, or nothing where it takes something in
    braces, which is text then.
    """
    source, end = node.parsing_state.s, node.pos + node.len
    argument = source[end : end + 2]
    takes_text = argument.startswith("{") and argument != "{}"
    return "" if takes_text or node.macroname in _LOOKS else str(node.macroname)
