"""The gate: lints what an edition would send before it is approved or frozen, so that a fault costs
a minute instead of every reader's mail.

A fault that sample papers have too is the layout's, and stops the edition. Any other fault is one
paper's: it is left out, and the others go out.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from newsletter.composing.compiled import CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import filled, filled_html, render
from newsletter.composing.lint.linter import lint, lint_card
from newsletter.composing.lint.rules import OWN_WORDS_RULES, Finding
from newsletter.composing.message import to_email_message
from newsletter.composing.parts import pick_parts
from newsletter.composing.sample import sample_papers
from newsletter.composing.source_links import link_faults

FINDINGS_DESCRIBED = 5
SECTIONS: tuple[Section, ...] = ("lead", "topics", "also")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the lint finds in an edition: errors of its layout, faulty papers with the reason, and
    papers whose cards leave out a faulty link with the reason. Warnings are left out.
    """

    layout: tuple[Finding, ...]
    papers: tuple[tuple[int, str], ...]
    links: tuple[tuple[int, str], ...]


def judge(
    content: EditionContent, compiled: CompiledParts, *, development: bool = False
) -> Verdict:
    """Lint the layout with sample papers and with none, and each paper's card in each of its forms.

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
    of_sample_cards = [
        finding for paper_id in sample.facts.titles for finding in _card_errors(sample, paper_id)
    ]
    layout = [
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
        *of_sample_cards,
    ]
    of_any_card = {finding.rule for finding in of_sample_cards}
    faults = {
        paper_id: _card_fault(compiled, paper_id, of_any_card) for paper_id in compiled.facts.titles
    }
    return Verdict(
        tuple(dict.fromkeys(layout)),
        tuple((paper_id, fault) for paper_id, fault in faults.items() if fault),
        tuple(
            (paper.id, fault)
            for paper in content.papers
            if paper.id in faults and (fault := link_faults(paper))
        ),
    )


def describe(found: Iterable[Finding]) -> str:
    """Describe the first few findings in a line for staff."""
    return " ".join(
        f"{finding.rule} ({finding.where}: {finding.what})."
        for finding in [*dict.fromkeys(found)][:FINDINGS_DESCRIBED]
    )


def _card_fault(compiled: CompiledParts, paper_id: int, excused: Set[str]) -> str:
    """Describe the errors of a paper's card but those by the rules that are `excused`; empty where
    there is none.
    """
    try:
        return describe(
            finding for finding in _card_errors(compiled, paper_id) if finding.rule not in excused
        )
    except Exception as error:  # noqa: BLE001 - whatever a paper's data does to the lint, it is that paper's fault, and told to staff
        return f"{type(error).__name__}: {error}"


def _card_errors(compiled: CompiledParts, paper_id: int) -> Iterator[Finding]:
    """Yield the errors of a paper's card, which holds no link of ours here."""
    facts = compiled.facts
    links = compiled.publication.links_of_nobody()._replace(act="", read="")
    for section in SECTIONS:
        card, _below = pick_parts(facts, DigestPick(paper_id, section=section), " 1", links)
        yield from lint_card(
            filled_html(compiled.html[card.key], card.values),
            filled(compiled.text[card.key], card.values),
            facts.headlines[paper_id],
        )


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
