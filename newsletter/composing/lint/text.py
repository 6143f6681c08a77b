"""Text rules: the text part says the same as the HTML, and is pleasant in a terminal."""

import re
from collections.abc import Iterator

import wcwidth
from lxml import etree

from newsletter.composing.lint.document import character_findings
from newsletter.composing.lint.links import WAY_OUT
from newsletter.composing.lint.places import elements, text_of
from newsletter.composing.lint.rules import Finding
from newsletter.composing.typesetting import COLUMNS

_ADDRESS = re.compile(r"(?:https?|mailto):[^\s<>\"”]+")
_HEADING = re.compile(r"h[23]")
_INVISIBLE = re.compile("[\u200b\u2066-\u2069]")


def text_part_findings(
    text: str, tree: "etree._Element | None", *, digest: bool = True
) -> Iterator[Finding]:
    """Yield what is wrong with the text part, and where it differs from the HTML."""
    if not text.strip():
        yield Finding("text-missing", "text part", "no text")
        return
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"text line {number}"
        if wcwidth.width(line) > COLUMNS and not _ADDRESS.search(line):
            yield Finding("text-line-wide", where, f"{wcwidth.width(line)} columns")
        if re.search(r"\{\{|\{%", line):
            yield Finding("template-tag-left", where, line.strip()[:80])
    yield from character_findings(text, "text part")
    if digest and not WAY_OUT.search(text):
        yield Finding("unsubscribe-link-missing", "text part", "no way to unsubscribe")
    if tree is not None:
        yield from _parity(text, tree)


def _parity(text: str, tree: "etree._Element") -> Iterator[Finding]:
    in_text = {address.rstrip(".,;:)") for address in _ADDRESS.findall(text)}
    in_html = {
        str(link.get("href"))
        for link in tree.iter("a")
        if str(link.get("href", "")).startswith(("http", "mailto:"))
    }
    for address in sorted(
        in_html - in_text - {address.rstrip(".,;:)") for address in in_html & in_text}
    ):
        if address.rstrip(".,;:)") not in in_text:
            yield Finding("link-not-in-text", "text part", address[:80])
    words = _plain(text_of(tree))
    for address in sorted(in_text - in_html - {address.rstrip(".,;:)") for address in in_html}):
        if _plain(address) not in words:
            yield Finding("link-not-in-html", "HTML", address[:80])
    yield from _papers(_plain(text), tree)


def _papers(text: str, tree: "etree._Element") -> Iterator[Finding]:
    position = 0
    for heading in (element for element in elements(tree) if _HEADING.fullmatch(str(element.tag))):
        title = _plain(text_of(heading))
        if title not in text:
            yield Finding("heading-not-in-text", "text part", text_of(heading)[:80])
        elif (found := text.find(title, position)) < 0:
            yield Finding("papers-in-other-order", "text part", text_of(heading)[:80])
        else:
            position = found


def _plain(text: str) -> str:
    """Return the text without blanks and invisible characters, since lines break elsewhere in
    the two parts.
    """
    return "".join(_INVISIBLE.sub("", text).split())
