"""Look: sizes and contrast as a reader would see them, also inverted and in the mail's own dark
colours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cssselect import HTMLTranslator, SelectorError
from lxml import etree

from newsletter.composing.lint.colours import (
    BLACK,
    LINK_BLUE,
    WHITE,
    Colour,
    contrast,
    inverted,
    lightness_inverted,
    read_colour,
)
from newsletter.composing.lint.css import (
    Declaration,
    declarations,
    font_size,
    line_height,
    style_rules,
)
from newsletter.composing.lint.places import place, shown_text
from newsletter.composing.lint.rules import Finding

SMALLEST = 14
ENOUGH, ENOUGH_WHEN_LARGE = 4.5, 3.0
_BOLD = {"bold", "bolder", "600", "700", "800", "900"}
_HEADINGS: Mapping[str, float] = {
    "h1": 32,
    "h2": 24,
    "h3": 18.72,
    "h4": 16,
    "h5": 13.28,
    "h6": 10.72,
}
_RUNNING_TEXT = 120
Extra = Mapping["etree._Element", tuple[Declaration, ...]]


@dataclass(frozen=True, slots=True)
class Look:
    """What an element's text looks like. `height` is the line height in px, None where the
    client decides.
    """

    colour: Colour = BLACK
    ground: Colour = WHITE
    size: float = 16
    bold: bool = False
    height: float | None = None
    align: str = "left"

    @property
    def enough(self) -> float:
        return (
            ENOUGH_WHEN_LARGE if self.size >= 24 or (self.bold and self.size >= 18.66) else ENOUGH
        )


def look_findings(tree: "etree._Element") -> Iterator[Finding]:
    """Yield text that is too small, too faint, too tight or not aligned to the left."""
    plain: dict[etree._Element, Look] = {}
    dark_rules = _dark_rules(tree)
    dark: dict[etree._Element, Look] = {}
    for element, text in shown_text(tree):
        look = _look(element, plain, {})
        yield from _contrast(element, look, "contrast-low", lambda colour: colour)
        for change in (inverted, lightness_inverted):
            yield from _contrast(element, look, "contrast-low-inverted", change)
        if dark_rules:
            yield from _contrast(
                element,
                _look(element, dark, dark_rules),
                "contrast-low-dark",
                lambda colour: colour,
            )
        yield from _setting(element, look, text)


def _contrast(
    element: "etree._Element", look: Look, rule: str, change: Callable[[Colour], Colour]
) -> Iterator[Finding]:
    ratio = contrast(change(look.colour), change(look.ground))
    if ratio < look.enough:
        yield Finding(rule, place(element), f"{ratio:.2f} to 1 where {look.enough:g} is needed")


def _setting(element: "etree._Element", look: Look, text: str) -> Iterator[Finding]:
    if look.size < SMALLEST:
        yield Finding("text-small", place(element), f"{look.size:g} px")
    if len(text) > _RUNNING_TEXT:
        if look.align not in {"left", "right"}:
            yield Finding("not-left-aligned", place(element), look.align)
        if (
            look.height is not None
            and look.height < 1.4 * look.size
            and not _is_in_heading(element)
        ):
            yield Finding(
                "line-height-low", place(element), f"{look.height:g} px for {look.size:g} px text"
            )


def _is_in_heading(element: "etree._Element") -> bool:
    """Large type needs less between its lines."""
    return any(node.tag in _HEADINGS for node in (element, *element.iterancestors()))


def _dark_rules(tree: "etree._Element") -> Extra:
    """Return, by element, the declarations that the mail's dark colour scheme adds, in order."""
    found: dict[etree._Element, tuple[Declaration, ...]] = {}
    for sheet in tree.iter("style"):
        for rule in style_rules(sheet.text or ""):
            if not any(
                "prefers-color-scheme" in condition and "dark" in condition
                for condition in rule.conditions
            ):
                continue
            for selector in rule.selectors:
                for element in _selected(tree, selector):
                    found[element] = found.get(element, ()) + rule.declarations
    return found


def _selected(tree: "etree._Element", selector: str) -> "list[etree._Element]":
    try:
        found = tree.xpath(HTMLTranslator().css_to_xpath(selector))
    except (
        SelectorError
    ):  # a selector that browsers know and cssselect does not; `selector-fragile` tells of it
        return []
    return (
        [element for element in found if isinstance(element, etree._Element)]
        if isinstance(found, list)
        else []
    )


def _look(element: "etree._Element", known: "dict[etree._Element, Look]", extra: Extra) -> Look:
    """Return the look of an element's text: its parent's, changed by attributes, the tag itself,
    inline style and `extra`.
    """
    if element not in known:
        parent = element.getparent()
        base = _look(parent, known, extra) if parent is not None else Look()
        known[element] = _changed(
            base, element, declarations(str(element.get("style", ""))), extra.get(element, ())
        )
    return known[element]


def _changed(
    look: Look,
    element: "etree._Element",
    own: tuple[Declaration, ...],
    extra: tuple[Declaration, ...],
) -> Look:
    tag = str(element.tag)
    declared = own + extra
    size = font_size(own) or _HEADINGS.get(tag) or look.size
    colour = _last_colour(declared, "color") or read_colour(str(element.get("color", "")))
    ground = _last_colour(declared, "background-color", "background") or read_colour(
        str(element.get("bgcolor", ""))
    )
    weight = [
        word
        for declaration in own
        if declaration.name in {"font-weight", "font"}
        for word in declaration.value.split()
    ]
    aligned = [declaration.value for declaration in own if declaration.name == "text-align"] or [
        str(element.get("align") or "")
    ]
    height = line_height(own, size)
    return replace(
        look,
        colour=colour or (LINK_BLUE if tag == "a" and element.get("href") else look.colour),
        ground=ground or look.ground,
        size=size,
        bold=bool(_BOLD & set(weight))
        or tag in {"b", "strong"}
        or (tag in _HEADINGS and "normal" not in weight)
        or look.bold,
        height=height if height is not None else look.height if size == look.size else None,
        align=_alignment(tag, aligned[-1], look.align),
    )


def _alignment(tag: str, own: str, inherited: str) -> str:
    """A table's own `align` places the table; text in its cells begins at the left again."""
    return "left" if tag == "table" else own or inherited


def _last_colour(declared: tuple[Declaration, ...], *names: str) -> Colour | None:
    found = [
        colour
        for declaration in declared
        if declaration.name in names and (colour := read_colour(declaration.value))
    ]
    return found[-1] if found else None
