"""The plain way: templates and the CSS inliner for every digest. It is slow, and the
specification of the compiled way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from newsletter.composing.cards import CardView, cards_of
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
    """Return the digest of one reader; see `newsletter.composing.digest.render`, which must say the
    same.

    Raises:
        UnknownPaper: when a picked paper is not in the edition.
        HeaderTooLong: when a link does not fit into a header.
        CutShort: when the inliner lost the end of the document.
    """
    return PlainEdition.of(content).render(digest)


@dataclass(frozen=True, slots=True)
class PlainEdition:
    """An edition from which digests are rendered plainly, one after the other."""

    facts: EditionFacts
    publication: Publication
    cards: Mapping[int, CardView]
    dropped: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, content: EditionContent) -> "PlainEdition":
        cards, dropped = cards_of(content)
        return cls(
            facts_of(content, cards), this_publication(), {card.id: card for card in cards}, dropped
        )

    def render(self, digest: Digest) -> RenderedMail:
        """Return one reader's digest; raises as `render_plainly` does."""
        return within_budget(shown_digest(digest, self.facts, self.dropped), self._composed)

    def _composed(self, shown: Digest, omitted: int) -> RenderedMail:
        parts = [
            replace(part, card=self.cards.get(part.paper_id))
            for part in parts_of(self.facts, shown, omitted)
        ]
        context = {"parts": parts, "end": "", **layout_values(self.facts, shown)}
        return RenderedMail(
            subject=rendered(SUBJECT, self.facts, self.publication, context).strip(),
            text=rendered(TEXT, self.facts, self.publication, context),
            html=inline_css(rendered(HTML, self.facts, self.publication, context)),
            headers=digest_headers(self.publication, self.facts, shown),
            papers=tuple(pick.paper_id for pick in shown.picks),
        )
