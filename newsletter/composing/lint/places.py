"""Places: elements of a mail, how they are named in a finding, and what of them a reader sees."""

from collections.abc import Iterator

from lxml import etree

from newsletter.composing.lint.css import declarations

NOT_SHOWN = {"style", "script", "title", "head", "meta", "template"}


def elements(tree: "etree._Element") -> Iterator["etree._Element"]:
    """Yield every element in source order, without comments and processing instructions."""
    return (element for element in tree.iter() if isinstance(element.tag, str))


def place(element: "etree._Element") -> str:
    """Return where an element stands, as a person would look for it."""
    return f"HTML line {element.sourceline}, <{element.tag}>"


def is_hidden(element: "etree._Element") -> bool:
    """Tell whether an element or one around it is not displayed."""
    return any(
        any(
            declaration.name == "display" and declaration.value == "none"
            for declaration in declarations(str(node.get("style", "")))
        )
        for node in (element, *element.iterancestors())
    )


def shown_text(tree: "etree._Element") -> Iterator[tuple["etree._Element", str]]:
    """Yield each run of text a reader sees, with the element it stands in."""
    for element in elements(tree):
        if (
            element.tag not in NOT_SHOWN
            and element.text
            and element.text.strip()
            and not is_hidden(element)
        ):
            yield element, element.text
        parent = element.getparent()
        if (
            element.tail
            and element.tail.strip()
            and parent is not None
            and parent.tag not in NOT_SHOWN
            and not is_hidden(parent)
        ):
            yield parent, element.tail


def text_of(element: "etree._Element") -> str:
    """Return the text of an element and all in it, blanks collapsed, without the zero-width
    spaces that only break lines.
    """
    return " ".join(
        "".join(str(piece) for piece in element.itertext()).replace("\u200b", "").split()
    )
