"""Style rules: what mail clients do not understand (caniemail data of June 2026), by property,
value and selector.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from newsletter.composing.lint.css import Declaration, declarations, style_rules
from newsletter.composing.lint.places import elements, place
from newsletter.composing.lint.rules import Finding

STYLE_LIMIT = 16_000


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A declaration to be found by its property and value; `only` and `never` narrow it to
    elements.
    """

    rule: str
    name: str
    value: str = ""
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def matches(self, tag: str, declaration: Declaration) -> bool:
        if (self.only and tag not in self.only) or tag in self.never:
            return False
        return bool(re.fullmatch(self.name, declaration.name)) and bool(
            re.search(self.value, declaration.value)
        )


_NOT_ZERO = r"^(?!0(px)?( 0(px)?)*$)"
_UNSAFE: Sequence[Unsafe] = (
    Unsafe(
        "colour-syntax",
        r".*",
        r"rgba?\((?![^)]*,)|\b(?:hwb|lab|lch|oklab|oklch|color|color-mix|light-dark)\(",
    ),
    Unsafe("css-function", r".*", r"\b(?:var|calc|clamp|min|max)\("),
    Unsafe("css-function", r"--.*"),
    Unsafe("css-unit", r".*", r"\d(?:rem|vh|vw|vmin|vmax)\b"),
    Unsafe(
        "flex-or-grid",
        r"flex(-.*)?|justify-.*|align-(content|items|self)|grid(-.*)?|(row-|column-)?gap|place-.*",
    ),
    Unsafe("flex-or-grid", r"display", r"^(inline-)?(flex|grid)"),
    Unsafe("positioning", r"float|clear|position|top|left|right|bottom|z-index|inset"),
    Unsafe("margin-unsafe", r"margin(-.*)?", r"(^|\s)-\d|\bauto\b"),
    Unsafe("margin-unsafe", r"margin(-.*)?", _NOT_ZERO, only=frozenset({"body", "span"})),
    Unsafe("padding-unsafe", r"padding(-.*)?", _NOT_ZERO, never=frozenset({"td", "th"})),
    Unsafe(
        "size-unsafe",
        r"width|height",
        only=frozenset({"div", "p", "img", "span", "a", "h1", "h2", "h3"}),
    ),
    Unsafe("size-limit-unsafe", r"max-width", never=frozenset({"table"})),
    Unsafe("size-limit-unsafe", r"min-width|min-height|max-height"),
    Unsafe("decoration-fragile", r"border-radius|border-.*-radius|box-shadow|opacity|text-shadow"),
    Unsafe("background-image", r"background(-image)?", r"url\(|gradient\("),
    Unsafe(
        "motion-or-mask",
        r"transform.*|animation.*|transition.*|(backdrop-)?filter|clip-path|mask.*",
    ),
    Unsafe("visibility", r"visibility"),
    Unsafe("wrapping-fragile", r"overflow-wrap|word-break|word-wrap|white-space|text-overflow"),
    Unsafe("box-fragile", r"object-fit|object-position|box-sizing"),
    Unsafe("logical-property", r"text-align", r"^(start|end)$"),
    Unsafe("logical-property", r"(margin|padding|border|inset)-(inline|block).*"),
    Unsafe("hidden-by-display", r"display", r"^none"),
    Unsafe("external-style", r".*", r"^@import"),
)
_HOW_TO_HIDE = {"display", "max-height", "overflow", "mso-hide"}
_FRAGILE_SELECTOR = re.compile(
    r"\[|:hover|:nth-child|:not\(|:first-|:last-|::|:before|:after|>|\+|~"
)


def style_findings(tree: "etree._Element") -> Iterator[Finding]:
    """Yield what is unsafe in style attributes and style blocks."""
    for element in elements(tree):
        declared = declarations(str(element.get("style", "")))
        for declaration in declared:
            yield from _declaration(
                str(element.tag), declaration, place(element), preheader=_is_preheader(declared)
            )
            if declaration.important:
                yield Finding("important-unsafe", place(element), f"{declaration.name} inline")
        if element.tag == "link" and "stylesheet" in str(element.get("rel", "")).lower():
            yield Finding("external-style", place(element), str(element.get("href", ""))[:80])
        if element.tag == "style":
            yield from _style_block(element)


def _is_preheader(declared: Sequence[Declaration]) -> bool:
    """Tell whether the element is hidden in every way there is, as the preview text has to be."""
    return {"display", "mso-hide"} <= {declaration.name for declaration in declared}


def _declaration(
    tag: str, declaration: Declaration, where: str, *, preheader: bool = False
) -> Iterator[Finding]:
    if preheader and declaration.name in _HOW_TO_HIDE:
        return
    for unsafe in _UNSAFE:
        if unsafe.matches(tag, declaration):
            yield Finding(unsafe.rule, where, f"{declaration.name}: {declaration.value}"[:80])


def _style_block(element: "etree._Element") -> Iterator[Finding]:
    sheet, where = element.text or "", place(element)
    if len(sheet.encode("utf-8", "replace")) >= STYLE_LIMIT or not any(
        parent.tag == "head" for parent in element.iterancestors()
    ):
        yield Finding("style-block-place", where, f"{len(sheet)} characters")
    if re.search(r"@import|@font-face", sheet):
        yield Finding("external-style", where, "@import or @font-face")
    for rule in style_rules(sheet):
        if len(rule.conditions) > 1 or any(
            re.search(r"height|aspect-ratio", condition) for condition in rule.conditions
        ):
            yield Finding("media-query-fragile", where, " ".join(rule.conditions)[:80])
        for selector in rule.selectors:
            if _FRAGILE_SELECTOR.search(selector):
                yield Finding("selector-fragile", where, selector[:80])
        for declaration in rule.declarations:
            yield from _declaration(_last_tag(rule.selectors), declaration, where)
            if declaration.important not in {"", " !important"}:
                yield Finding(
                    "important-unsafe",
                    where,
                    f"{declaration.name}:{declaration.value}{declaration.important}"[:80],
                )


def _last_tag(selectors: Sequence[str]) -> str:
    """Return the element that the first selector is about; a class alone says nothing, and is
    taken for a table cell.
    """
    match = re.search(r"([a-z][a-z0-9]*)[^\s]*$", selectors[0].lower()) if selectors else None
    named = re.search(r"(?:^|\s)([a-z][a-z0-9]*)[^\s]*$", selectors[0].lower()) if match else None
    return named[1] if named else "td"
