"""The gate: lints what an edition would send before it is approved, so that a fault costs a
minute instead of every reader's mail.
"""

from collections.abc import Sequence

from newsletter.composing.compiled import CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import render
from newsletter.composing.lint.linter import lint
from newsletter.composing.lint.rules import Finding
from newsletter.composing.message import to_email_message

FAULTS_TOLD = 5
PAPERS_AT_ONCE = 25
"""Few enough that no paper is cut for weight and goes unseen."""
_SECTIONS: tuple[Section, ...] = ("topics", "also")


def faults(content: EditionContent, *, development: bool = False) -> tuple[Finding, ...]:
    """Return every lint error of digests that together show each paper of the edition, as a full
    card and as a brief one.

    `development` allows links to this machine. Warnings do not hold up an edition and are left out.
    """
    return faults_in(compile_edition(content), development=development)


def faults_in(compiled: CompiledParts, *, development: bool = False) -> tuple[Finding, ...]:
    """Return the same of an edition that is compiled already."""
    papers = list(compiled.facts.titles)
    groups = [
        papers[start : start + PAPERS_AT_ONCE] for start in range(0, len(papers), PAPERS_AT_ONCE)
    ]
    found = [
        _errors(compiled, group, section, development=development)
        for group in groups
        for section in _SECTIONS
    ]
    return tuple(dict.fromkeys(finding for errors in found for finding in errors))


def told(found: Sequence[Finding]) -> str:
    """Say the first few findings in a line for staff."""
    return " ".join(
        f"{finding.rule} ({finding.where}: {finding.what})." for finding in found[:FAULTS_TOLD]
    )


def _errors(
    compiled: CompiledParts, papers: Sequence[int], section: Section, *, development: bool
) -> Sequence[Finding]:
    sections: list[Section] = ["lead", *[section] * (len(papers) - 1)]
    digest = Digest(
        edition_id=compiled.facts.edition_id,
        delivery_id=0,
        subscriber_id=0,
        address="reader@example.org",
        picks=tuple(
            DigestPick(paper_id, section=place)
            for paper_id, place in zip(papers, sections, strict=True)
        ),
        links=compiled.publication.links_of_nobody(),
        message_key="gate",
    )
    message = to_email_message(render(compiled, digest), digest.address).message()
    return lint(
        message.as_bytes(),
        postal_address=compiled.publication.postal_address,
        development=development,
    ).errors
