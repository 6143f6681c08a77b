"""Proofs: what was compiled is read against the plain way before it is stored, as a printer's proof
is read against the manuscript.

Every card is compared once in each of its forms, then a few random readers' digests whole. One
paper that differs is dropped and the others go out; a layout that differs stops the edition.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from newsletter.composing.comparison import differences, message_differences
from newsletter.composing.compiled import BrokenLayout, CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import render
from newsletter.composing.message import to_email_message
from newsletter.composing.plain import PlainEdition
from newsletter.composing.wire import WireEdition
from subscriptions.inlining import CutShort

CARDS_AT_ONCE = 25
"""Few enough to stay under the weight at which a digest loses papers; those that were cut even
so are read in the next group.
"""
READERS_READ = 5
SECTIONS: tuple[Section, ...] = ("lead", "topics", "also")
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


class LayoutDiffers(BrokenLayout):
    """The compiled layout does not say what its templates say; nothing of it may be mailed."""


def proved_edition(content: EditionContent) -> CompiledParts:
    """Return the compiled edition after comparing it with the plain way; papers that differ are
    among its `dropped`.

    Raises:
        LayoutDiffers: when the layout differs, or half of the cards and more do, which is the
            layout's fault as well.
        BrokenLayout, CutShort: when the layout cannot be compiled at all.
    """
    compiled, left = _compiled(content)
    bad = _Proof.of(compiled, left).bad_cards()
    if bad:
        if 2 * len(bad) >= len(left.papers):
            raise LayoutDiffers(
                f"{len(bad)} of {len(left.papers)} cards are not what their template says: "
                f"{bad[0][1]}."
            )
        return _with_dropped(proved_edition(_without(left, bad)), (*compiled.dropped, *bad))
    _Proof.of(compiled, left).read_readers()
    return compiled


def _compiled(content: EditionContent) -> tuple[CompiledParts, EditionContent]:
    """Compile, without the papers that cannot be; return what of the edition is left."""
    try:
        return compile_edition(content), content
    except (BrokenLayout, CutShort):
        bad = [
            (paper.id, told)
            for paper in content.papers
            if (told := _compile_fault(replace(content, papers=(paper,))))
        ]
        if not bad or 2 * len(bad) >= len(content.papers):
            raise
        left = _without(content, bad)
        return _with_dropped(compile_edition(left), tuple(bad)), left


def _compile_fault(content: EditionContent) -> str:
    try:
        compile_edition(content)
    except (BrokenLayout, CutShort) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def _without(content: EditionContent, bad: Sequence[tuple[int, str]]) -> EditionContent:
    left_out = {paper_id for paper_id, _told in bad}
    return replace(
        content, papers=tuple(paper for paper in content.papers if paper.id not in left_out)
    )


def _with_dropped(compiled: CompiledParts, dropped: Sequence[tuple[int, str]]) -> CompiledParts:
    return replace(compiled, dropped=tuple(dict((*dropped, *compiled.dropped)).items()))


@dataclass(frozen=True, slots=True)
class _Proof:
    """An edition both ways. Papers without a card are in neither."""

    compiled: CompiledParts
    plain: PlainEdition
    papers: tuple[int, ...]

    @classmethod
    def of(cls, compiled: CompiledParts, content: EditionContent) -> "_Proof":
        plain = PlainEdition.of(content)
        return cls(compiled, plain, tuple(plain.cards))

    def bad_cards(self) -> list[tuple[int, str]]:
        """Return the papers whose card differs in any form, with what differs.

        Raises:
            LayoutDiffers: when a digest without any card differs, or one differs and none of its
                cards alone does.
        """
        if told := self._fault(self._digest(())):
            raise LayoutDiffers(f"The layout is not what its templates say: {told}.")
        bad: dict[int, str] = {}
        for section in SECTIONS:
            for group in self._groups(section):
                if told := self._fault(self._digest(group)):
                    found = {
                        pick.paper_id: fault
                        for pick in group
                        if (fault := self._fault(self._digest((pick,))))
                    }
                    if not found:
                        raise LayoutDiffers(
                            f"Cards that are right alone are not right beside each other: {told}."
                        )
                    bad = found | bad
        return list(bad.items())

    def _groups(self, section: Section) -> Iterator[tuple[DigestPick, ...]]:
        left = list(self.papers)
        while left:
            group = tuple(
                DigestPick(paper_id, _REASONS[:2], section, "A topic")
                for paper_id in left[:CARDS_AT_ONCE]
            )
            yield group
            seen = len(render(self.compiled, self._digest(group)).papers)
            left = left[max(seen, 1) :]

    def read_readers(self) -> None:
        """Compare a few random digests whole, their form on the wire too.

        Raises:
            LayoutDiffers: when one differs.
        """
        wire = WireEdition.of(self.compiled)
        # The same edition is read the same way again, so that what was found can be found once
        # more.
        chance = random.Random(f"{self.compiled.facts.edition_id} {self.compiled.template_hash}")  # noqa: S311 - no secret hangs on it
        for _ in range(READERS_READ):
            digest = self._random_digest(chance)
            told = self._fault(digest) or self._wire_fault(wire, digest)
            if told:
                raise LayoutDiffers(
                    f"A digest of {len(digest.picks)} papers is not what the templates say: {told}."
                )

    def _random_digest(self, chance: random.Random) -> Digest:
        chosen = chance.sample(self.papers, min(len(self.papers), chance.randint(1, 15)))
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

    def _fault(self, digest: Digest) -> str:
        """Say what differs between both ways, or what error either gives; empty when nothing
        does.
        """
        try:
            return ", ".join(differences(render(self.compiled, digest), self.plain.render(digest)))
        except Exception as error:  # noqa: BLE001 - whatever a card's data does to either way, it is that card's fault, and told to staff
            return f"{type(error).__name__}: {error}"[:200]

    def _wire_fault(self, wire: WireEdition, digest: Digest) -> str:
        """Say what a mail program would read differently in the form for the wire."""
        sent = wire.mail(digest, _TIMESTAMP)
        ordinary = (
            to_email_message(render(self.compiled, digest), digest.address).message().as_bytes()
        )
        return ", ".join(
            f"{place} on the wire" for place in message_differences(sent.content, ordinary)
        )
