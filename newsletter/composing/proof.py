"""Proofs: an edition is compared with the plain way before it is stored.

Its layout is compared with sample papers and with none, then a few random readers' digests whole.
So the cost does not grow with the edition: each card was compared by itself when it was prepared
(`newsletter.composing.prepared`). A paper that differs is named and the others go out. What differs
without papers, or with sample papers as well, is the layout's fault and stops the edition.
"""

import random
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from newsletter.composing.comparison import differences, message_differences
from newsletter.composing.compiled import CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import render
from newsletter.composing.facts import BY_PAPER
from newsletter.composing.message import to_email_message
from newsletter.composing.parts import CARD_KINDS, piece_key
from newsletter.composing.plain import PlainEdition
from newsletter.composing.prepared import LayoutDiffers
from newsletter.composing.sample import sample_papers
from newsletter.composing.wire import WireEdition
from newsletter.faults import NO_ROWS_FAULT

SECTIONS: tuple[Section, ...] = ("lead", "topics", "also")
READERS_READ = 5
MOST_READ = 15
"""Papers of a random digest."""
_TIMESTAMP = 1_767_225_600.0
_REASONS = (
    "matches your topic",
    'three < four & "five" > it\'s',
    "שלום and then some",
    "x" * 90,
    "{{ leave }} {% if %}",
    "👩‍🔬 a\u0301 \u200d",
)
"""Reasons that a reader's values could hold, awkward ones above all."""


def differing_papers(
    content: EditionContent, compiled: CompiledParts
) -> tuple[tuple[int, str], ...]:
    """Compare the layout and some random digests both ways; return the papers because of which the
    first digest differs that does, with what differs.

    Args:
        compiled: what `content` was compiled to. Its `dropped` papers are left out.

    Raises:
        LayoutDiffers: when the layout differs, whatever the papers are.
    """
    # The same edition is read the same way again, so that what was found can be found once more.
    chance = random.Random(f"{compiled.facts.edition_id} {compiled.template_hash}")  # noqa: S311 - no secret hangs on it
    papers = list(compiled.facts.titles)
    read = [
        chance.sample(papers, min(len(papers), chance.randint(1, MOST_READ)))
        for _ in range(READERS_READ)
    ]
    proof = _Proof.of(compiled, content, {paper_id for some in read for paper_id in some})
    proof.compare_layout(chance)
    for chosen in read:
        if bad := proof.culprits(proof.random_digest(chance, chosen)):
            return tuple(bad.items())
    return ()


def without_papers(content: EditionContent, bad: Sequence[tuple[int, str]]) -> EditionContent:
    """Return the edition without the papers of these ids."""
    left_out = {paper_id for paper_id, _reason in bad}
    return replace(
        content, papers=tuple(paper for paper in content.papers if paper.id not in left_out)
    )


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


@dataclass(frozen=True)
class _Proof:
    """Some papers of an edition both ways. The facts are the whole edition's."""

    compiled: CompiledParts
    content: EditionContent
    plain: PlainEdition
    papers: tuple[int, ...]

    @classmethod
    def of(cls, compiled: CompiledParts, content: EditionContent, papers: Set[int]) -> "_Proof":
        some = tuple(paper for paper in content.papers if paper.id in papers)
        plain = PlainEdition.of(replace(content, papers=some))
        facts = replace(
            compiled.facts,
            **{
                name: getattr(compiled.facts, name) | getattr(plain.facts, name)
                for name in BY_PAPER
            },
        )
        return cls(
            _with_papers(compiled, papers), content, replace(plain, facts=facts), tuple(plain.cards)
        )

    @cached_property
    def sample(self) -> "_Proof":
        """The same edition with sample papers."""
        papers = sample_papers(MOST_READ)
        content = replace(self.content, papers=papers)
        return _Proof.of(compile_edition(content), content, {paper.id for paper in papers})

    @cached_property
    def wire(self) -> WireEdition:
        return WireEdition.of(self.compiled)

    def compare_layout(self, chance: random.Random) -> None:
        """Compare a digest without papers, and digests of sample papers with every part, mixed and
        in one section at a time.

        Raises:
            LayoutDiffers: when one of them differs.
        """
        sample = self.sample
        mixed = sample.random_digest(chance, sample.papers)._replace(
            links=self._digest(()).links, first=True, note=_REASONS[1]
        )
        of_one_section = [
            mixed._replace(picks=tuple(pick._replace(section=section) for pick in mixed.picks))
            for section in SECTIONS
        ]
        looked_at = [(self, self._digest(())), *((sample, one) for one in (mixed, *of_one_section))]
        for proof, digest in looked_at:
            if found := proof.fault(digest):
                raise LayoutDiffers(f"The layout is not what its templates say: {found}.")

    def culprits(self, digest: Digest) -> dict[int, str]:
        """Return the papers because of which a digest has a fault, with the fault: those that have
        it alone, else the first that has it beside those before it. Empty where there is no fault.

        Raises:
            LayoutDiffers: when the digest has it without papers or with sample papers.
        """
        if not (found := self.fault(digest)):
            return {}
        picks = digest.picks
        harmless = tuple(
            pick._replace(paper_id=paper_id)
            for pick, paper_id in zip(picks, self.sample.papers, strict=False)
        )
        if self.fault(digest._replace(picks=())) or self.sample.fault(
            digest._replace(picks=harmless)
        ):
            raise LayoutDiffers(f"The layout is not what its templates say: {found}.")
        alone = {
            pick.paper_id: told
            for pick in picks
            if (told := self.fault(digest._replace(picks=(pick,))))
        }
        return alone or next(
            {picks[end - 1].paper_id: f"only beside other papers: {told}"}
            for end in range(2, len(picks) + 1)
            if (told := self.fault(digest._replace(picks=picks[:end])))
        )

    def random_digest(self, chance: random.Random, chosen: Sequence[int]) -> Digest:
        """Return a digest of these papers for a random reader."""
        later: list[Section] = ["pinned", "topics", "also"]
        sections: list[Section] = [
            "lead",
            *sorted(chance.choices(later, k=len(chosen)), key=later.index),
        ]
        picks = tuple(
            DigestPick(
                paper_id,
                tuple(chance.sample(_REASONS, chance.randint(0, 3))),
                section,
                chance.choice(_REASONS),
            )
            for paper_id, section in zip(chosen, sections, strict=False)
        )
        digest = self._digest(picks)
        counted = digest.links._replace(read=f"{self.compiled.publication.url}/r/0/")
        links = chance.choice((digest.links, counted))
        return digest._replace(
            links=links, first=chance.random() < 0.5, note=chance.choice(("", *_REASONS))
        )

    def _digest(self, picks: tuple[DigestPick, ...]) -> Digest:
        return Digest(
            edition_id=self.compiled.facts.edition_id,
            delivery_id=0,
            subscriber_id=0,
            address="o'reader+proof@example.org",
            picks=picks,
            links=self.compiled.publication.links_of_nobody(),
            message_key="proof",
            language=self.compiled.facts.language,
        )

    def fault(self, digest: Digest) -> str:
        """Say what differs between both ways or, in the form for the wire, what a mail program
        would read differently; or what error either gives. Empty when nothing differs.
        """
        try:
            mail = render(self.compiled, digest)
            if found := differences(mail, self.plain.render(digest)):
                return ", ".join(found)
            sent = self.wire.mail(digest, _TIMESTAMP).content
            message = to_email_message(mail, digest.address).message()
            places = message_differences(sent, message.as_bytes())
        except NO_ROWS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a card's data does to either way, it is that card's fault, and told to staff
            return _described(error)
        return ", ".join(f"{place} on the wire" for place in places)


def _with_papers(compiled: CompiledParts, papers: Set[int]) -> CompiledParts:
    """Return the compiled edition with the cards of these papers alone, and the facts of all."""
    others = {
        piece_key(kind, paper_id)
        for kind in CARD_KINDS
        for paper_id in compiled.facts.titles.keys() - papers
    }
    html, text = (
        {key: piece for key, piece in form.items() if key not in others}
        for form in (compiled.html, compiled.text)
    )
    return replace(compiled, html=html, text=text)
