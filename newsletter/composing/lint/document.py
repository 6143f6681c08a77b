"""Document rules: structure, accessibility (WCAG 2.2 AA as far as mail goes) and elements that
clients drop.
"""

import re
import unicodedata
from collections.abc import Iterator

import wcwidth
from lxml import etree

from newsletter.composing.lint.places import elements, is_hidden, place, shown_text, text_of
from newsletter.composing.lint.rules import Finding
from newsletter.composing.typesetting import LONGEST_WORD
from newsletter.composing.weight import HTML_BUDGET

_ACTIVE = {
    "script",
    "form",
    "input",
    "button",
    "select",
    "textarea",
    "iframe",
    "frame",
    "video",
    "audio",
    "object",
    "embed",
    "dialog",
    "meter",
    "applet",
}
_SEMANTIC = {"main", "nav", "details", "summary", "section", "article", "header", "footer", "aside"}
_UNSAFE_IMAGE = re.compile(r"^data:|\.(?:svg|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_TEMPLATE_TAG = re.compile(r"\{\{|\{%")
_EMPTY_VALUE = re.compile(r"^\s*(?:None|nan|NaN|null|undefined)\s*$")
_TEX = re.compile(
    r"\\(?:frac|alpha|beta|mathcal|mathbb|textbf|emph|cite|ell|sqrt|times)\b|\$\\|\\\("
)
_OVERRIDES = re.compile("[\u202a-\u202e]")
_OPEN_ISOLATE, _CLOSE_ISOLATE = re.compile("[\u2066-\u2068]"), "\u2069"
_BAD_CHARACTER = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\ufdd0-\ufdef\ufffd]"
)
_CONDITIONAL = re.compile(r"<!--\[if[^\]]*\]>")


def document_findings(html: str, tree: "etree._Element") -> Iterator[Finding]:
    """Yield what is wrong with the HTML as a document."""
    yield from _whole(html, tree)
    yield from _headings(tree)
    yield from _wrappers(tree)
    yield from _preheader(tree)
    for element in elements(tree):
        yield from _element(element)
    yield from text_findings(tree)


def _whole(html: str, tree: "etree._Element") -> Iterator[Finding]:
    if not html.lstrip().lower().startswith("<!doctype html"):
        yield Finding("doctype-missing", "HTML line 1", html.lstrip()[:40])
    if (size := len(html.encode("utf-8", "replace"))) > HTML_BUDGET:
        yield Finding("too-heavy", "HTML", f"{size} bytes")
    if not (tree.findtext(".//title") or "").strip():
        yield Finding("title-missing", "HTML", "no title")
    if len(_CONDITIONAL.findall(html)) > html.count("<![endif]-->"):
        yield Finding("conditional-comment-open", "HTML", "more opened than closed")


def _headings(tree: "etree._Element") -> Iterator[Finding]:
    levels = [
        (int(str(element.tag)[1]), element)
        for element in elements(tree)
        if re.fullmatch(r"h[1-6]", str(element.tag))
    ]
    count = sum(level == 1 for level, _element in levels)
    if count != 1:
        yield Finding("h1-count", "HTML", f"{count} h1")
    before = 0
    for level, element in levels:
        if level > before + 1:
            yield Finding(
                "heading-skipped",
                place(element),
                f"h{level} after {f'h{before}' if before else 'nothing'}",
            )
        before = level


def _wrappers(tree: "etree._Element") -> Iterator[Finding]:
    body = tree.find(".//body")
    wrapped = [] if body is None else [child for child in elements(body) if child is not body]
    for attribute, rule in (("lang", "lang-missing"), ("dir", "dir-missing")):
        if not tree.get(attribute):
            yield Finding(rule, "HTML, <html>", f"no {attribute}")
        elif not any(child.get(attribute) for child in wrapped):
            yield Finding(rule, "HTML, inside <body>", f"no wrapper with {attribute}")


def _preheader(tree: "etree._Element") -> Iterator[Finding]:
    body = tree.find(".//body")
    first = (
        next((element for element in elements(body) if (element.text or "").strip()), None)
        if body is not None
        else None
    )
    if first is None or not is_hidden(first):
        yield Finding("preheader-missing", "HTML, <body>", "no hidden text in front")
    elif not 40 <= len(text_of(first)) <= 110:
        yield Finding("preheader-length", place(first), f"{len(text_of(first))} characters")


def _element(element: "etree._Element") -> Iterator[Finding]:
    tag, where = str(element.tag), place(element)
    if tag == "table" and element.get("role") != "presentation" and element.find(".//th") is None:
        yield Finding("table-role-missing", where, f"role={element.get('role')}")
    if tag in _ACTIVE:
        yield Finding("active-element", where, tag)
    if tag in _SEMANTIC:
        yield Finding("semantic-element", where, tag)
    if tag == "base":
        yield Finding("base-element", where, str(element.get("href")))
    if tag in {"svg", "picture", "source"} or element.get("srcset") is not None:
        yield Finding("image-kind", where, tag)
    if element.get("hidden") is not None:
        yield Finding("hidden-attribute", where, "hidden")
    if element.get("target") is not None:
        yield Finding("target-attribute", where, str(element.get("target")))
    if element.get("aria-label") and not text_of(element) and tag != "img":
        yield Finding("label-without-text", where, str(element.get("aria-label"))[:80])
    if tag == "img":
        yield from _image(element)


def _image(element: "etree._Element") -> Iterator[Finding]:
    where, source = place(element), str(element.get("src", ""))
    if element.get("alt") is None:
        yield Finding("alt-missing", where, source[:80])
    if not (element.get("width") and element.get("height")):
        yield Finding("image-size-missing", where, source[:80])
    if _UNSAFE_IMAGE.search(source):
        yield Finding("image-kind", where, source[:80])
    if {element.get("width"), element.get("height")} <= {"0", "1"}:
        yield Finding("open-pixel", where, source[:80])


def text_findings(tree: "etree._Element") -> Iterator[Finding]:
    """Yield what is wrong with the text that a reader sees."""
    for element, text in shown_text(tree):
        where = place(element)
        if _TEMPLATE_TAG.search(text) or _EMPTY_VALUE.match(text):
            yield Finding("template-tag-left", where, text.strip()[:80])
        if _TEX.search(text):
            yield Finding("raw-tex", where, text.strip()[:80])
        yield from character_findings(text, where)
        if any(wcwidth.width(word) > LONGEST_WORD + 10 for word in re.split(r"[\s\u200b]+", text)):
            yield Finding("long-word", where, max(re.split(r"[\s\u200b]+", text), key=len)[:80])
        if _needs_direction(element, text):
            yield Finding("direction-not-isolated", where, text.strip()[:80])


def character_findings(text: str, where: str) -> Iterator[Finding]:
    """Yield characters that break a mail or make it read as something else."""
    opened, closed = len(_OPEN_ISOLATE.findall(text)), text.count(_CLOSE_ISOLATE)
    if _OVERRIDES.search(text) or opened != closed:
        yield Finding("bidi-override", where, ascii(text.strip())[:80])
    if match := _BAD_CHARACTER.search(text):
        yield Finding("bad-character", where, f"U+{ord(match[0]):04X}")


def _needs_direction(element: "etree._Element", text: str) -> bool:
    runs_left = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)
    if not runs_left or _OPEN_ISOLATE.search(text):
        return False
    return not any(
        node.get("dir") == "rtl" or node.tag == "bdi"
        for node in (element, *element.iterancestors())
    )
