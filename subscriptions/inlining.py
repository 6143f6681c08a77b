"""CSS inlining: style rules become style attributes, since many mail programs drop `<style>`
blocks.
"""

import logging
import re
from collections import Counter
from dataclasses import dataclass
from html import unescape

from lxml import etree
from premailer import Premailer

_DOCTYPE = "<!doctype html>\n"
_NOT_SHOWN = re.compile(
    r"<!--.*?-->|<!doctype[^>]*>|<(style|script|title)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"""</?[a-zA-Z](?:"[^"]*"|'[^']*'|[^'">])*>""")
_ELEMENT = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)")
_INDENTATION = re.compile(r"[ \t]*\n[ \t\n]*")


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
    tree = etree.fromstring(html.strip(), etree.HTMLParser())
    Premailer(
        tree,
        strip_important=False,
        allow_network=False,
        allow_loading_external_files=False,
        disable_validation=True,  # rules for Outlook are no CSS, and are meant
        disable_basic_attributes=[
            "width",
            "height",
        ],  # Outlook wants the pixels of the attribute, others the fluid style
        cssutils_logging_level=logging.CRITICAL,
    ).transform()
    _shorten_attributes(tree)
    output = _DOCTYPE + _INDENTATION.sub("\n", _serialised(tree)) + "\n"
    before, after = _Inventory.of(html), _Inventory.of(output)
    if before.elements - after.elements or before.text != after.text:
        lost = ", ".join(sorted(before.elements - after.elements)) or "text"
        raise CutShort(f"Inlining lost part of the mail ({lost}).")
    return output


def _shorten_attributes(tree: "etree._Element") -> None:
    """Remove blanks from style attributes, and classes that no remaining rule names.

    Works on the tree and not on the text: a title may read like an attribute.
    """
    rules = " ".join(style.text or "" for style in tree.iter("style"))
    for element in tree.iter(etree.Element):
        style, classes = element.get("style"), element.get("class")
        if style is not None:
            element.set("style", style.replace("; ", ";").replace(", ", ","))
        if classes is not None and not any(f".{name}" in rules for name in classes.split()):
            del element.attrib["class"]


def _serialised(tree: "etree._Element") -> str:
    return etree.tostring(tree, method="html", encoding="unicode").strip()


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
