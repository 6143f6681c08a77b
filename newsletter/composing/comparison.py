"""Comparison: does the compiled way say what the plain way says?"""

from lxml import etree

from newsletter.composing.content import RenderedMail


def differences(one: RenderedMail, other: RenderedMail) -> list[str]:
    """Return the names of what differs between two renderings of a digest; HTML is compared as a document tree."""
    fields = ("subject", "text", "headers", "papers")
    differing = [field for field in fields if getattr(one, field) != getattr(other, field)]
    return differing if same_document(one.html, other.html) else [*differing, "html"]


def same_document(one: str, other: str) -> bool:
    """Tell whether two HTML documents have the same tree: elements, attributes, text and comments."""
    return _canonical(one) == _canonical(other)


def _canonical(html: str) -> bytes:
    return etree.tostring(etree.fromstring(html, etree.HTMLParser()).getroottree(), method="html", encoding="utf-8")
