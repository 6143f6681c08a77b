"""The plain way: templates and the CSS inliner for every digest. It is slow, and the specification of the compiled way."""

from dataclasses import replace

from newsletter.composing.cards import cards_of
from newsletter.composing.content import Digest, EditionContent, RenderedMail
from newsletter.composing.facts import EditionFacts, facts_of
from newsletter.composing.headers import digest_headers
from newsletter.composing.parts import layout_values, parts_of
from newsletter.composing.publication import Publication, this_publication
from newsletter.composing.showing import shown_digest
from newsletter.composing.templating import HTML, SUBJECT, TEXT, rendered
from newsletter.composing.weight import within_budget
from subscriptions.inlining import inline_css


def render_plainly(content: EditionContent, digest: Digest) -> RenderedMail:
    """Return the digest of one reader; see `newsletter.composing.digest.render`, which must say the same.

    Raises:
        UnknownPaper: when a picked paper is not in the edition.
        HeaderTooLong: when a link does not fit into a header.
        CutShort: when the inliner lost the end of the document.
    """
    cards, dropped = cards_of(content)
    facts, publication = facts_of(content, cards), this_publication()
    by_id = {card.id: card for card in cards}

    def compose(shown: Digest, omitted: int) -> RenderedMail:
        parts = [replace(part, card=by_id.get(part.paper_id)) for part in parts_of(facts, shown, omitted)]
        return _rendered(facts, publication, shown, {"parts": parts, "end": "", **layout_values(facts, shown)})

    return within_budget(shown_digest(digest, facts, dropped), compose)


def _rendered(facts: EditionFacts, publication: Publication, digest: Digest, context: dict[str, object]) -> RenderedMail:
    return RenderedMail(
        subject=rendered(SUBJECT, facts, publication, context).strip(),
        text=rendered(TEXT, facts, publication, context),
        html=inline_css(rendered(HTML, facts, publication, context)),
        headers=digest_headers(publication, facts, digest),
        papers=tuple(pick.paper_id for pick in digest.picks),
    )
