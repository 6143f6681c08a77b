"""Links that sources and staff give: which of them a mail carries, and why it leaves out others."""

from typing import NamedTuple
from urllib.parse import urlsplit

import idna
from django.utils.encoding import iri_to_uri

from ingest.cleaning import shorten, web_link
from newsletter.composing.content import PaperCard
from newsletter.composing.lint.links import address_findings
from newsletter.composing.typesetting import clean_line

REASON_LENGTH = 120


class SourceLink(NamedTuple):
    """A link as a mail carries it. Where it carries none, `address` is empty; `fault` says why,
    and is empty where no link was given.
    """

    address: str
    fault: str = ""


def source_link(given: str) -> SourceLink:
    """Return the link with https and in ASCII, or why a mail should not carry it.

    Mail filters distrust plain http and bare network addresses; a host that serves papers over http
    alone is unknown to us. An ASCII address is the same in both parts of a mail and in every mail
    program, and without braces no template engine on its way changes it.
    """
    if not given.strip():
        return SourceLink("")
    shown = shorten(clean_line(given), REASON_LENGTH) or "text without a visible character"
    link = web_link(given)
    if not link:
        return SourceLink("", f"{shown} is no usable web address")
    try:
        address = _ascii_address(link)
    except UnicodeError:  # of which idna's errors are a kind
        return SourceLink("", f"{shown} has no valid host name")
    for finding in address_findings(address, "link"):
        return SourceLink("", f"{shown} breaks the rule {finding.rule}")
    return SourceLink(address)


def link_faults(paper: PaperCard) -> str:
    """Say in a sentence for staff which of the paper's links its card leaves out, and why; empty
    where it leaves out none.
    """
    links = {"link": paper.url, "code link": paper.code_url}
    return " ".join(
        f"The {name} is left out: {fault}."
        for name, given in links.items()
        if (fault := source_link(given).fault)
    )


def _ascii_address(link: str) -> str:
    """Return the web address with https, its host in Punycode and everything else percent-encoded.

    Raises:
        UnicodeError: the host is no valid internationalised name (RFC 5891).
    """
    parts = urlsplit(link)
    if not parts.netloc.isascii():
        host = idna.encode(parts.hostname or "", uts46=True).decode("ascii")
        port = f":{parts.port}" if parts.port is not None else ""
        parts = parts._replace(netloc=host + port)
    return iri_to_uri(parts._replace(scheme="https").geturl())
