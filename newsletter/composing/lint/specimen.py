"""Specimen: a mail under the lint, taken apart once."""

import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property

from lxml import etree

_HTML_BEGINS = re.compile(rb"(\xef\xbb\xbf)?\s*<")
"""No header begins with an angle bracket, so a document without its doctype is told from a mail,
too.
"""

_HEADERS_OF_A_MAIL = {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"}


@dataclass(frozen=True)
class Specimen:
    """A mail as bytes: a whole message, or an HTML document alone (then `message` is None and
    header rules do not apply).
    """

    content: bytes
    message: EmailMessage | None
    html: str
    text: str
    raw_headers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, content: bytes) -> "Specimen":
        """Take a mail (.eml) or an HTML document apart; what cannot be decoded becomes
        replacement characters.
        """
        if _HTML_BEGINS.match(content):
            return cls(content, None, content.decode("utf-8-sig", "replace"), "")
        message = message_from_bytes(content, policy=policy.default)
        return cls(
            content, message, _part(message, "html"), _part(message, "plain"), _raw_headers(content)
        )

    @cached_property
    def tree(self) -> "etree._Element | None":
        """The HTML as a tree, None where there is none."""
        if not self.html.strip():
            return None
        return etree.fromstring(
            self.html.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8")
        )

    @property
    def recognised(self) -> bool:
        """Whether this is a mail or HTML at all: a mail has at least one of the headers that
        every mail or part has.
        """
        return self.message is None or any(
            name.lower() in _HEADERS_OF_A_MAIL for name, _value in self.raw_headers
        )

    def values(self, name: str) -> list[str]:
        """Return every value of a header as it stands, unfolded."""
        return [value for found, value in self.raw_headers if found.lower() == name.lower()]


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        text = payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = payload.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _raw_headers(content: bytes) -> list[tuple[str, str]]:
    """Split the header block by hand: a parser would repair the very faults that are looked for."""
    block = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", block)
    lines = re.split(rb"\r?\n", unfolded)
    pairs = (line.decode("latin-1").partition(":") for line in lines if b":" in line)
    return [(name.strip(), value.strip(" \t")) for name, _colon, value in pairs]
