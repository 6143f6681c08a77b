"""Text out of foreign HTML and XML. Pure; no network, no entities beyond those every parser
knows.
"""

import re

from lxml import etree, html

from ingest.sighting import Unreadable

_BLOCKS = frozenset(
    {
        "p",
        "div",
        "br",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "blockquote",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    }
)
_SILENT = frozenset({"script", "style", "template", "noscript", "iframe", "object", "svg", "math"})
_GAPS = re.compile(r"\n\s*\n")
_MOST_CHARACTERS = 500_000


def text_of_html(markup: str) -> str:
    """Return the words of an HTML fragment, one paragraph per block; what is no markup stays as
    it is.
    """
    if "<" not in markup and "&" not in markup:
        return markup
    try:
        # Without huge_tree libxml2 drops what is nested 256 deep, and everything after it, without
        # a word.
        parser = html.HTMLParser(huge_tree=True, no_network=True)
        tree = html.fragment_fromstring(
            markup[:_MOST_CHARACTERS].replace("\0", ""), create_parent="div", parser=parser
        )
    except (etree.ParserError, ValueError):
        return markup
    words: list[str] = []
    silent = 0
    for event, node in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        named = isinstance(node.tag, str)
        if event == "start":
            silent += node.tag in _SILENT
            words.append("\n\n" if node.tag in _BLOCKS else "")
            words.append("" if silent else node.text or "")
        elif event == "end":
            silent -= node.tag in _SILENT
            words.append("\n\n" if node.tag in _BLOCKS else "")
        if event != "start" or not named:
            words.append("" if silent or node is tree else node.tail or "")
    return _GAPS.sub("\n\n", "".join(words)).strip()


def xml_root(content: bytes, expected: str) -> etree._Element:
    """Parse XML without entities, network and size beyond the ordinary, and return its root, whose
    local name must be `expected`.

    Raises:
        Unreadable: with what the content is instead.
    """
    if not content.strip():
        raise Unreadable("is empty: XML is needed.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        kind = "HTML" if b"<html" in content[:2000].lower() else "broken or cut short"
        raise Unreadable(f"is not XML but {kind}: {error}") from error
    if etree.QName(root).localname != expected:
        raise Unreadable(f"is a <{etree.QName(root).localname}> where a <{expected}> is needed.")
    return root
