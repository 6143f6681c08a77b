"""Link rules: where links lead, what they are called, and whether there is a way out."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from lxml import etree

from newsletter.composing.lint.css import declarations
from newsletter.composing.lint.places import place, text_of
from newsletter.composing.lint.rules import Finding

UNSUBSCRIBE_WITHIN = 60_000
_SHORTENERS = {
    "bit.ly",
    "t.co",
    "goo.gl",
    "tinyurl.com",
    "ow.ly",
    "is.gd",
    "buff.ly",
    "rebrand.ly",
    "cutt.ly",
    "t.ly",
    "lnkd.in",
}
_MEANINGLESS = {
    "here",
    "click here",
    "click",
    "link",
    "more",
    "read more",
    "this",
    "this link",
    "learn more",
    "go",
    "open",
}
_NUMBER_AT_THE_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
"""A host that browsers read as an IPv4 address: its last label is a number (WHATWG URL Standard,
section 3.5, "ends in a number").
"""
_ADDRESS_IN_LINK = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
WAY_OUT = re.compile(r"unsubscribe|stop these mails|opt[ -]?out", re.IGNORECASE)


def link_findings(
    html: str, tree: "etree._Element", *, digest: bool = True, development: bool = False
) -> Iterator[Finding]:
    """Yield what is wrong with the links. `development` allows plain http on this machine, where
    an instance is tried out.
    """
    links = [element for element in tree.iter("a") if element.get("href") is not None]
    for link in links:
        yield from _address(link, development=development)
        yield from _text(link)
    yield from _twice(links)
    if digest:
        yield from _way_out(html, links)


def _address(link: "etree._Element", *, development: bool) -> Iterator[Finding]:
    href, where = str(link.get("href")).strip(), place(link)
    yield from address_findings(href, where, development=development)
    if re.search(r"(?<=[/=])(?:None|nan)(?=[/?&#]|\Z)|\{\{|\{%", unquote(href)):
        yield Finding("template-tag-left", where, href[:80])


def address_findings(href: str, where: str, *, development: bool = False) -> Iterator[Finding]:
    """Yield what is wrong with the address that a link leads to, whoever wrote it. What a template
    may have left in it is another question.
    """
    try:
        parts = urlsplit(href)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        yield Finding("empty-link", where, href[:80])
        return
    if not href or (
        parts.scheme not in {"http", "https", "mailto", "tel"} and not href.startswith("#")
    ):
        yield Finding("empty-link", where, href[:80] or "no address")
    elif href.startswith("#"):
        yield Finding("fragment-link", where, href[:80])
    elif parts.scheme in {"http", "https"}:
        if not (development and host in {"127.0.0.1", "localhost"}):
            yield from _web_address(parts.scheme, host, href, where)
        if _ADDRESS_IN_LINK.search(unquote(parts.path + "?" + parts.query)):
            yield Finding("address-in-link", where, "a mail address")


def _web_address(scheme: str, host: str, href: str, where: str) -> Iterator[Finding]:
    if scheme == "http":
        yield Finding("http-link", where, href[:80])
    if ":" in host or _NUMBER_AT_THE_END.search(host):
        yield Finding("ip-link", where, href[:80])
    if host.removeprefix("www.") in _SHORTENERS:
        yield Finding("shortened-link", where, href[:80])


def _text(link: "etree._Element") -> Iterator[Finding]:
    text, where = text_of(link), place(link)
    images = [str(image.get("alt", "")) for image in link.iter("img")]
    if not text and not any(images):
        yield Finding("link-text-missing", where, str(link.get("href"))[:80])
    if text.lower().rstrip(".!›»→ ") in _MEANINGLESS:
        yield Finding("link-text-meaningless", where, text[:80])
    if text.startswith(("http://", "https://")):
        yield Finding("link-text-bare", where, text[:80])
    if any(
        one.name.startswith("text-decoration") and "none" in one.value
        for one in declarations(str(link.get("style", "")))
    ):
        yield Finding("link-not-underlined", where, text[:80])


def _twice(links: "list[etree._Element]") -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for link in links:
        label = str(link.get("aria-label", ""))
        name = label if label.startswith(text_of(link)) and label else text_of(link)
        if seen.setdefault(name.lower(), str(link.get("href"))) != str(link.get("href")) and name:
            yield Finding("link-text-twice", place(link), name[:80])


def _way_out(html: str, links: "list[etree._Element]") -> Iterator[Finding]:
    ways = [link for link in links if WAY_OUT.search(text_of(link))]
    if not ways:
        yield Finding("unsubscribe-link-missing", "HTML", "no link to unsubscribe")
        return
    position = html.find(str(ways[0].get("href")).replace("&", "&amp;"))
    if len(html[: max(position, 0)].encode("utf-8", "replace")) > UNSUBSCRIBE_WITHIN:
        yield Finding("unsubscribe-link-late", place(ways[0]), f"after {position} characters")
