"""CSS inlining: style rules become style attributes, since many mail programs drop `<style>`
blocks.
"""

import logging
import re
from collections import Counter
from dataclasses import dataclass
from html import unescape

from premailer import Premailer

_DOCTYPE = "<!doctype html>\n"
_NOT_SHOWN = re.compile(
    r"<!--.*?-->|<!doctype[^>]*>|<(style|script|title)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"""</?[a-zA-Z](?:"[^"]*"|'[^']*'|[^'">])*>""")
_ELEMENT = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)")
_LINE_BREAKS = re.compile(r"[ \t]*\n\s*")
_STYLE = re.compile(r'(?<= style=")[^"]*')
_CLASS = re.compile(r' class="([^"]*)"')
_STYLE_BLOCK = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


class CutShort(ValueError):
    """Inlining lost part of the document; nothing of it may be mailed."""


def inline_css(html: str) -> str:
    """Return a whole HTML document with its CSS inlined and its doctype in front.

    Rules that cannot be inlined, such as media queries, stay in a style block with their
    `!important`. Comments stay in place, so that a caller finds its own marks again. Nothing is
    fetched. Indentation, blank lines and classes that no rule names any more go: they are weight.

    Raises:
        CutShort: when an element or a piece of text of the input is missing in the output, as
            happens without any error on a lone
            surrogate and below 255 nested elements.
    """
    inlined: str = Premailer(
        html,
        strip_important=False,
        allow_network=False,
        allow_loading_external_files=False,
        disable_validation=True,  # rules for Outlook are no CSS, and are meant
        disable_basic_attributes=[
            "width",
            "height",
        ],  # Outlook wants the pixels of the attribute, others the fluid style
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
    output = _DOCTYPE + _tightened(inlined.removeprefix("<!DOCTYPE html>"))
    before, after = _Inventory.of(html), _Inventory.of(output)
    if before.elements - after.elements or before.text != after.text:
        lost = ", ".join(sorted(before.elements - after.elements)) or "text"
        raise CutShort(f"Inlining lost part of the mail ({lost}).")
    return output


def _tightened(html: str) -> str:
    rules = " ".join(_STYLE_BLOCK.findall(html))
    html = _CLASS.sub(
        lambda match: match[0] if any(f".{name}" in rules for name in match[1].split()) else "",
        html,
    )
    return (
        _STYLE.sub(
            lambda style: style[0].replace("; ", ";").replace(", ", ","),
            _LINE_BREAKS.sub("\n", html.strip()),
        )
        + "\n"
    )


@dataclass(frozen=True, slots=True)
class _Inventory:
    """What a document holds: how many of each element, and its text without blanks.

    Read by patterns and not by a parser: it has to see what a parser drops, and an edition of 200
    papers is large.
    """

    elements: Counter[str]
    text: str

    @classmethod
    def of(cls, html: str) -> "_Inventory":
        shown = _NOT_SHOWN.sub("", html)
        return cls(
            Counter(name.lower() for name in _ELEMENT.findall(shown)),
            "".join(unescape(_TAG.sub("", shown)).split()),
        )
