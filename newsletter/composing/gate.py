"""The gate: lints the layout of an edition before it is approved or frozen, so that a fault costs a
minute instead of every reader's mail.

A fault that sample papers have too is the layout's, and stops the edition. Each paper's card was
linted when it was prepared (`newsletter.composing.prepared`).
"""

from collections.abc import Sequence
from dataclasses import replace

from newsletter.composing.compiled import CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import render
from newsletter.composing.lint.linter import lint
from newsletter.composing.lint.rules import OWN_WORDS_RULES, Finding
from newsletter.composing.message import to_email_message
from newsletter.composing.prepared import sample_errors
from newsletter.composing.sample import sample_papers

SECTIONS: tuple[Section, ...] = ("lead", "topics", "also")


def layout_faults(
    content: EditionContent, compiled: CompiledParts, *, development: bool = False
) -> tuple[Finding, ...]:
    """Lint the layout with sample papers and with none; return the errors.

    Args:
        compiled: what `content` was compiled to.
        development: allows links to this machine.
    """
    sample = compile_edition(
        replace(
            content,
            papers=sample_papers(),
            editor_note="A note by the editor.",
            health_line="Today without one source, which could not be read.",
        )
    )
    found = [
        *(
            finding
            for section in SECTIONS
            for finding in _digest_errors(sample, section, development=development)
        ),
        *(
            finding
            for finding in _digest_errors(compiled, None, development=development)
            if finding.rule not in OWN_WORDS_RULES  # staff and sources wrote its note and its line
        ),
        *sample_errors(content.language),
    ]
    return tuple(dict.fromkeys(found))


def _digest_errors(
    compiled: CompiledParts, section: Section | None, *, development: bool
) -> Sequence[Finding]:
    """Return the errors of a digest with all papers in one section, or without papers."""
    papers = compiled.facts.titles if section else ()
    digest = Digest(
        edition_id=compiled.facts.edition_id,
        delivery_id=0,
        subscriber_id=0,
        address="reader@example.org",
        picks=tuple(DigestPick(paper_id, section=section or "also") for paper_id in papers),
        links=compiled.publication.links_of_nobody(),
        message_key="gate",
        language=compiled.facts.language,
        note="A note to the reader.",
        first=True,
    )
    message = to_email_message(render(compiled, digest), digest.address).message()
    return lint(
        message.as_bytes(),
        postal_address=compiled.publication.postal_address,
        development=development,
    ).errors
