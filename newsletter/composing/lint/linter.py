"""The linter: every rule over one mail, for the command, for tests, and as a gate before an
edition is approved; and over one paper's card, for the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from newsletter.composing.lint.document import (
    character_findings,
    document_findings,
    text_findings,
)
from newsletter.composing.lint.headers import header_findings
from newsletter.composing.lint.links import link_findings
from newsletter.composing.lint.look import look_findings
from newsletter.composing.lint.rules import OWN_WORDS_RULES, Finding
from newsletter.composing.lint.specimen import Specimen
from newsletter.composing.lint.styling import style_findings
from newsletter.composing.lint.text import text_part_findings

MOST_BYTES = 2_000_000
"""Of a file. A mail of a sane size is some tens of kilobytes; to judge every style of a huge one
takes minutes and tells nothing more.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What the lint found in one mail, and how many bytes of HTML it weighs."""

    findings: tuple[Finding, ...]
    html_bytes: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "warning")


def lint(
    content: bytes, *, digest: bool = True, postal_address: str = "", development: bool = False
) -> Report:
    """Return what is wrong with a mail (.eml) or an HTML document.

    Args:
        digest: whether the mail is a digest; letters about a subscription need no way out of a
            list.
        postal_address: where given, both parts must show it.
        development: allows links to this machine, as an instance that is tried out has them.
    """
    if len(content) > MOST_BYTES:
        return Report((Finding("too-large", "file", f"{len(content)} bytes"),), 0)
    specimen = Specimen.of(content)
    if not specimen.recognised:
        return Report(
            (
                Finding(
                    "not-a-mail",
                    "file",
                    "nothing in it" if not content.strip() else "no header and no HTML",
                ),
            ),
            0,
        )
    findings: list[Finding] = []
    if specimen.message is not None:
        findings += header_findings(specimen, digest=digest, development=development)
        findings += text_part_findings(specimen.text, specimen.tree, digest=digest)
    if specimen.tree is None:
        findings.append(Finding("html-missing", "mail", "no HTML"))
    else:
        findings += style_findings(specimen.tree)
        findings += document_findings(specimen.html, specimen.tree)
        findings += look_findings(specimen.tree)
        findings += link_findings(
            specimen.html, specimen.tree, digest=digest, development=development
        )
    findings += _postal(specimen, postal_address)
    return Report(tuple(dict.fromkeys(findings)), len(specimen.html.encode("utf-8", "replace")))


def lint_card(html: str, text: str, subject: str) -> tuple[Finding, ...]:
    """Return the errors that one paper's words and links cause, by the rules that hold for words
    whoever wrote them.

    Args:
        html: the rows of a table that are the card.
        text: the same card in the text part.
        subject: what the paper says as the first of a digest.
    """
    tree = etree.fromstring(
        f"<table>{html}</table>".encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8")
    )
    found = (
        *character_findings(subject, "Subject"),
        *text_part_findings(text, tree, digest=False),
        *text_findings(tree),
        *link_findings(html, tree, digest=False),
    )
    return tuple(
        dict.fromkeys(
            finding
            for finding in found
            if finding.level == "error" and finding.rule not in OWN_WORDS_RULES
        )
    )


def _postal(specimen: Specimen, postal_address: str) -> Sequence[Finding]:
    wanted = "".join(postal_address.split())
    html = (
        ""
        if specimen.tree is None
        else "".join("".join(str(piece) for piece in specimen.tree.itertext()).split())
    )
    parts = [("HTML", html)] + (
        [("text part", "".join(specimen.text.split()))] if specimen.message is not None else []
    )
    return [
        Finding("postal-address-missing", where, "not there")
        for where, text in parts
        if wanted not in text
    ]
