"""Proofs: what was compiled is compared with the plain way before it is stored.

Every card is compared once in each of its forms, then a few random readers' digests whole. A paper
that differs is dropped and the others go out. What differs without papers, or with sample papers
as well, is the layout's fault and stops the edition.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from newsletter.composing.comparison import differences, message_differences
from newsletter.composing.compiled import BrokenLayout, CompiledParts, compile_edition
from newsletter.composing.content import Digest, DigestPick, EditionContent, Section
from newsletter.composing.digest import render
from newsletter.composing.message import to_email_message
from newsletter.composing.plain import PlainEdition
from newsletter.composing.sample import sample_papers
from newsletter.composing.wire import WireEdition

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
        LayoutDiffers: when the layout differs, whatever the papers are.
        BrokenLayout, CutShort: when the layout cannot be compiled at all.
    """
    compiled, left = compile_without_faulty(content)
    proof = _Proof.of(compiled, left)
    if bad := proof.bad_cards() or proof.bad_in_digests():
        made = proved_edition(without_papers(left, bad))
        return with_dropped(made, (*compiled.dropped, *bad))
    return compiled


def compile_without_faulty(content: EditionContent) -> tuple[CompiledParts, EditionContent]:
    """Compile an edition without the papers with which it cannot be compiled, and return what of it
    is left. Those papers are among `dropped`, with the reason.

    Raises:
        BrokenLayout, CutShort: when it cannot be compiled with sample papers either.
    """
    try:
        return compile_edition(content), content
    except Exception:
        if not content.papers:
            raise
        compile_edition(replace(content, papers=sample_papers(CARDS_AT_ONCE)))
    bad = _not_compiling(content)
    compiled, left = compile_without_faulty(without_papers(content, bad))
    return with_dropped(compiled, bad), left


def without_papers(content: EditionContent, bad: Sequence[tuple[int, str]]) -> EditionContent:
    """Return the edition without the papers of these ids."""
    left_out = {paper_id for paper_id, _reason in bad}
    return replace(
        content, papers=tuple(paper for paper in content.papers if paper.id not in left_out)
    )


def with_dropped(compiled: CompiledParts, dropped: Sequence[tuple[int, str]]) -> CompiledParts:
    """Return the compiled edition with these papers among its `dropped`, too."""
    return replace(compiled, dropped=tuple({**dict(compiled.dropped), **dict(dropped)}.items()))


def _not_compiling(content: EditionContent) -> list[tuple[int, str]]:
    """Return the papers with which the edition does not compile, at least one if it does not.

    Halves that compile are left alone, so that one bad paper of n costs about 2 * log2(n) tries.
    """
    if not (error := _compile_fault(content)):
        return []
    papers = content.papers
    if len(papers) == 1:
        return [(papers[0].id, error)]
    halves = (papers[: len(papers) // 2], papers[len(papers) // 2 :])
    bad = [one for half in halves for one in _not_compiling(replace(content, papers=half))]
    return bad or [(_first_too_many(content), f"only beside other papers: {error}")]


def _first_too_many(content: EditionContent) -> int:
    """Return the first paper that does not compile beside those before it, where the first half
    compiles and the whole does not.
    """
    compiling, failing = len(content.papers) // 2, len(content.papers)
    while failing - compiling > 1:
        middle = (compiling + failing) // 2
        if _compile_fault(replace(content, papers=content.papers[:middle])):
            failing = middle
        else:
            compiling = middle
    return content.papers[failing - 1].id


def _compile_fault(content: EditionContent) -> str:
    try:
        compile_edition(content)
    except Exception as error:  # noqa: BLE001 - as above; the reason is kept for staff
        return _described(error)
    return ""


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


@dataclass(frozen=True)
class _Proof:
    """An edition both ways. Papers without a card are in neither."""

    content: EditionContent
    compiled: CompiledParts
    plain: PlainEdition
    papers: tuple[int, ...]

    @classmethod
    def of(cls, compiled: CompiledParts, content: EditionContent) -> "_Proof":
        plain = PlainEdition.of(content)
        return cls(content, compiled, plain, tuple(plain.cards))

    @cached_property
    def sample(self) -> "_Proof":
        """The same edition with sample papers."""
        content = replace(self.content, papers=sample_papers(CARDS_AT_ONCE))
        return _Proof.of(compile_edition(content), content)

    @cached_property
    def wire(self) -> WireEdition:
        return WireEdition.of(self.compiled)

    def bad_cards(self) -> list[tuple[int, str]]:
        """Return the papers whose card differs in any form, with what differs.

        Raises:
            LayoutDiffers: when a digest without any card differs, or one with sample papers.
        """
        self._culprits(self._digest(()), _Proof.fault)
        bad: dict[int, str] = {}
        for section in SECTIONS:
            for group in self._groups(section):
                bad = self._culprits(self._digest(group), _Proof.fault) | bad
        return list(bad.items())

    def _groups(self, section: Section) -> Iterator[tuple[DigestPick, ...]]:
        left = list(self.papers)
        while left:
            group = tuple(
                DigestPick(paper_id, _REASONS[:2], section, "A topic")
                for paper_id in left[:CARDS_AT_ONCE]
            )
            yield group
            left = left[max(self._count_shown(group), 1) :]

    def _count_shown(self, group: tuple[DigestPick, ...]) -> int:
        """Count the papers that the weight limit leaves in a digest of this group."""
        try:
            return len(render(self.compiled, self._digest(group)).papers)
        except Exception:  # noqa: BLE001 - `fault` tells of it; the other papers still have to be read
            return len(group)

    def bad_in_digests(self) -> list[tuple[int, str]]:
        """Compare a few random digests whole, their form on the wire too, and return the papers of
        the first that differs because of which it does.

        Raises:
            LayoutDiffers: when it differs without papers, or with sample papers as well.
        """
        # The same edition is read the same way again, so that what was found can be found once
        # more.
        chance = random.Random(f"{self.compiled.facts.edition_id} {self.compiled.template_hash}")  # noqa: S311 - no secret hangs on it
        for _ in range(READERS_READ):
            if bad := self._culprits(self._random_digest(chance), _Proof.fault_on_the_wire_too):
                return list(bad.items())
        return []

    def _culprits(self, digest: Digest, fault: "Callable[[_Proof, Digest], str]") -> dict[int, str]:
        """Return the papers because of which a digest has a fault, with the fault: those that have
        it alone, else the first that has it beside those before it. Empty where there is no fault.

        Raises:
            LayoutDiffers: when the digest has it without papers or with sample papers.
        """
        if not (found := fault(self, digest)):
            return {}
        picks = digest.picks
        harmless = tuple(
            pick._replace(paper_id=paper_id)
            for pick, paper_id in zip(picks, self.sample.papers, strict=False)
        )
        if fault(self, digest._replace(picks=())) or fault(
            self.sample, digest._replace(picks=harmless)
        ):
            raise LayoutDiffers(f"The layout is not what its templates say: {found}.")
        alone = {
            pick.paper_id: told
            for pick in picks
            if (told := fault(self, digest._replace(picks=(pick,))))
        }
        return alone or next(
            {picks[end - 1].paper_id: f"only beside other papers: {told}"}
            for end in range(2, len(picks) + 1)
            if (told := fault(self, digest._replace(picks=picks[:end])))
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

    def fault(self, digest: Digest) -> str:
        """Say what differs between both ways, or what error either gives; empty when nothing
        does.
        """
        try:
            return ", ".join(differences(render(self.compiled, digest), self.plain.render(digest)))
        except Exception as error:  # noqa: BLE001 - whatever a card's data does to either way, it is that card's fault, and told to staff
            return _described(error)

    def fault_on_the_wire_too(self, digest: Digest) -> str:
        """Say also what a mail program would read differently in the form for the wire."""
        if found := self.fault(digest):
            return found
        try:
            sent = self.wire.mail(digest, _TIMESTAMP).content
            message = to_email_message(render(self.compiled, digest), digest.address).message()
            places = message_differences(sent, message.as_bytes())
        except Exception as error:  # noqa: BLE001 - as above
            return _described(error)
        return ", ".join(f"{place} on the wire" for place in places)
