"""CSS as far as the lint needs it: declarations of an attribute, rules of a style block."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BETWEEN_DECLARATIONS = re.compile(r";(?![^(]*\))")
_SIZE = re.compile(r"(?:^|\s)(\d+(?:\.\d+)?)px(?:\s*/\s*(\d+(?:\.\d+)?)(px)?)?")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A property and its value, both in small letters except where case matters; `important` is
    the mark as written, or empty.
    """

    name: str
    value: str
    important: str = ""


@dataclass(frozen=True, slots=True)
class StyleRule:
    """Selectors with their declarations. `conditions` are the at-rules around it, outermost
    first, such as `@media print`.
    """

    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    conditions: tuple[str, ...] = ()


def declarations(style: str) -> tuple[Declaration, ...]:
    """Return the declarations of a style attribute or of a rule's body."""
    found = []
    for piece in _BETWEEN_DECLARATIONS.split(_COMMENT.sub("", style)):
        name, colon, value = piece.partition(":")
        if colon and name.strip():
            plain, mark, important = value.partition("!")
            space = " " if plain != plain.rstrip() else ""
            found.append(
                Declaration(
                    name.strip().lower(),
                    plain.strip().lower(),
                    space + mark + important.strip() if mark else "",
                )
            )
    return tuple(found)


def style_rules(sheet: str, conditions: tuple[str, ...] = ()) -> Iterator[StyleRule]:
    """Yield the rules of a style sheet in order, those inside at-rules too. Blocks that are
    never closed end with the sheet.
    """
    text = _COMMENT.sub("", sheet)
    position = 0
    while (opening := text.find("{", position)) >= 0:
        prelude = text[position:opening].rpartition(";")[2].strip()
        closing = _closing(text, opening)
        inside = text[opening + 1 : closing]
        if prelude.startswith(("@media", "@supports")):
            yield from style_rules(inside, (*conditions, prelude))
        else:
            selectors = tuple(
                selector.strip() for selector in prelude.split(",") if selector.strip()
            )
            yield StyleRule(selectors, declarations(inside), conditions)
        position = closing + 1


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += (text[position] == "{") - (text[position] == "}")
        if not depth:
            return position
    return len(text)


def font_size(declared: tuple[Declaration, ...]) -> float | None:
    """Return the font size in px that the declarations set, by `font-size` or `font`; None where
    they set none in px.
    """
    size = None
    for declaration in declared:
        if declaration.name in {"font-size", "font"} and (match := _SIZE.search(declaration.value)):
            size = float(match[1])
        elif declaration.name == "font-size" and declaration.value == "0":
            size = 0.0
    return size


def line_height(declared: tuple[Declaration, ...], size: float) -> float | None:
    """Return the line height in px that the declarations set; None where they set none."""
    height = None
    for declaration in declared:
        if declaration.name == "font" and (match := _SIZE.search(declaration.value)) and match[2]:
            height = float(match[2]) * (1 if match[3] else size)
        elif declaration.name == "line-height" and (
            match := re.fullmatch(r"(\d+(?:\.\d+)?)(px|%)?", declaration.value)
        ):
            height = float(match[1]) * {"px": 1.0, "%": size / 100, None: size}[match[2]]
    return height
