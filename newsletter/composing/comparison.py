"""Comparison: does the compiled way say what the plain way says?"""

from email import message_from_bytes, policy
from email.message import EmailMessage

from lxml import etree

from newsletter.composing.content import RenderedMail


def differences(one: RenderedMail, other: RenderedMail) -> list[str]:
    """Return the names of what differs between two renderings of a digest; HTML is compared as a
    document tree.
    """
    fields = ("subject", "text", "headers", "papers")
    differing = [field for field in fields if getattr(one, field) != getattr(other, field)]
    return differing if same_document(one.html, other.html) else [*differing, "html"]


def message_differences(one: bytes, other: bytes) -> list[str]:
    """Return the headers and parts in which two digests as messages differ once decoded; their
    dates and boundaries may.
    """
    ours, theirs = (message_from_bytes(content, policy=policy.default) for content in (one, other))
    names = sorted(
        {name.lower() for message in (ours, theirs) for name in message} - {"date", "content-type"}
    )
    differing = [name for name in names if _header(ours, name) != _header(theirs, name)]
    return differing + [
        kind for kind in ("plain", "html") if _body(ours, kind) != _body(theirs, kind)
    ]


def _header(message: EmailMessage, name: str) -> list[str]:
    """Return every header of a name, with single blanks: where a long one is folded says
    nothing.
    """
    return [" ".join(str(value).split()) for value in message.get_all(name, [])]


def _body(message: EmailMessage, kind: str) -> list[str]:
    part = message.get_body((kind,))
    return [] if part is None else str(part.get_content()).splitlines()


def same_document(one: str, other: str) -> bool:
    """Tell whether two HTML documents have the same tree: elements, attributes, text and
    comments.
    """
    return _canonical(one) == _canonical(other) and _after_the_end(one) == _after_the_end(other)


def _canonical(html: str) -> bytes:
    return etree.tostring(
        etree.fromstring(html, etree.HTMLParser()).getroottree(), method="html", encoding="utf-8"
    )


def _after_the_end(html: str) -> str:
    """Return what follows the document, which this parser drops and mail programs show."""
    return html.rpartition("</html>")[2].strip()
