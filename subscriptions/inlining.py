"""CSS inlining: style rules become style attributes, since many mail programs drop `<style>` blocks."""

import logging
import re
from collections import Counter
from html.parser import HTMLParser

from premailer import Premailer

_DOCTYPE = "<!doctype html>\n"
_NOT_TEXT = {"style", "script", "title"}
_LINE_BREAKS = re.compile(r"[ \t]*\n\s*")
_STYLE = re.compile(r'(?<= style=")[^"]*')
_CLASS = re.compile(r' class="([^"]*)"')
_STYLE_BLOCK = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


class CutShort(ValueError):
    """Inlining lost part of the document; nothing of it may be mailed."""


def inline_css(html: str) -> str:
    """Return a whole HTML document with its CSS inlined and its doctype in front.

    Rules that cannot be inlined, such as media queries, stay in a style block with their `!important`. Comments stay in place, so
    that a caller finds its own marks again. Nothing is fetched. Indentation, blank lines and classes that no rule names any more
    go: they are weight.

    Raises:
        CutShort: when an element or a piece of text of the input is missing in the output, as happens without any error on a lone
            surrogate and below 255 nested elements.
    """
    inlined: str = Premailer(
        html,
        strip_important=False,
        allow_network=False,
        allow_loading_external_files=False,
        disable_validation=True,  # rules for Outlook are no CSS, and are meant
        disable_basic_attributes=["width", "height"],  # Outlook wants the pixels of the attribute, others the fluid style
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
    html = _CLASS.sub(lambda match: match[0] if any(f".{name}" in rules for name in match[1].split()) else "", html)
    return _STYLE.sub(lambda style: style[0].replace("; ", ";").replace(", ", ","), _LINE_BREAKS.sub("\n", html.strip())) + "\n"


class _Inventory(HTMLParser):
    """What a document holds: how many of each body element, and its text without blanks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self._pieces: list[str] = []
        self._skipping = 0

    @classmethod
    def of(cls, html: str) -> "_Inventory":
        inventory = cls()
        inventory.feed(html)
        inventory.close()
        return inventory

    @property
    def text(self) -> str:
        return "".join("".join(self._pieces).split())

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag != "style":  # a style block disappears when all of its rules are inlined
            self.elements[tag] += 1
        self._skipping += tag in _NOT_TEXT

    def handle_endtag(self, tag: str) -> None:
        self._skipping -= tag in _NOT_TEXT and self._skipping > 0

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._pieces.append(data)
