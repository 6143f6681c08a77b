"""Parts: a digest as a layout and a list of parts, each a template with the few values that belong
to the reader.

Both ways of composing start here, so they cannot differ in what they say: the plain way gives the
parts to the templates, the compiled way joins pieces that the same templates made.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import wcwidth

from ingest.cleaning import shorten
from newsletter.composing.cards import CardView
from newsletter.composing.content import Digest, DigestLinks, DigestPick, Section
from newsletter.composing.facts import PREHEADER_LEAST, PREHEADER_LIMIT, EditionFacts
from newsletter.composing.typesetting import SEPARATOR, breakable, isolated, paragraph

Kind = Literal[
    "ways", "welcome", "editor", "note", "heading", "lead", "card", "brief", "lead_actions",
    "actions", "lead_gap", "gap", "omitted", "footer",
    "chrome", "withdrawn", "colophon",  # of the web view alone, which has no text part
]  # fmt: skip

LAYOUT_VALUES = ("headline", "preheader", "sentence", "sentence_lines")
_CARD_VALUES = ("reason", "more_reasons", "reason_lines", "number", "read")
_ACTION_VALUES = ("act", "paper", "label")
PART_VALUES: Mapping[Kind, Sequence[str]] = {
    "ways": ("view", "preferences", "leave"),
    "welcome": ("preferences",),
    "editor": (),
    "note": ("note", "note_lines"),
    "heading": ("heading", "heading_lines"),
    "lead": _CARD_VALUES,
    "card": _CARD_VALUES,
    "brief": _CARD_VALUES,
    "lead_actions": _ACTION_VALUES,
    "actions": _ACTION_VALUES,
    "lead_gap": (),
    "gap": (),
    "omitted": ("omitted", "omitted_lines", "view"),
    "footer": ("address", "view", "preferences", "leave"),
    "chrome": ("home", "editions"),
    "withdrawn": ("title",),
    "colophon": (),
}
CARD_KINDS: tuple[Kind, ...] = ("lead", "card", "brief")
BETWEEN_TITLES = "; "
ROOM_FOR_A_COUNT = 16
"""Characters of the preview that are kept for "and 7 more"."""
RISE = "\u00a0→\u00a0"
"""Between two counts, which stay on one line."""
_CARD_OF_SECTION: Mapping[Section, Kind] = {
    "lead": "lead",
    "pinned": "card",
    "topics": "card",
    "also": "brief",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a digest. `mark` is a comment that finds it again in a compiled document;
    plainly it is empty.
    """

    kind: Kind
    values: Mapping[str, str] = field(default_factory=dict)
    paper_id: int = 0
    card: CardView | None = None
    mark: str = ""

    @property
    def key(self) -> str:
        return piece_key(self.kind, self.paper_id)

    @property
    def html_template(self) -> str:
        return f"emails/digest/parts/{self.kind}.html"

    @property
    def text_template(self) -> str:
        return f"emails/digest/parts/{self.kind}.txt"


@lru_cache(maxsize=4_096)
def piece_key(kind: Kind, paper_id: int) -> str:
    """Return the name of a compiled piece: cards have one per paper, every other kind one in
    all.
    """
    return f"{kind}:{paper_id}" if paper_id else kind


def layout_values(facts: EditionFacts, digest: Digest) -> dict[str, str]:
    """Return the values of the layout itself."""
    sentence = facts.sentences[min(len(digest.picks), len(facts.sentences) - 1)]
    return {
        "headline": headline(facts, digest),
        "preheader": "".join(preheader_pieces(facts, [pick.paper_id for pick in digest.picks])),
        "sentence": sentence,
        "sentence_lines": paragraph(sentence),
    }


def headline(facts: EditionFacts, digest: Digest) -> str:
    """Return the subject: the first paper and the date."""
    if not digest.picks:
        return facts.empty_headline
    headlines = facts.first_headlines if digest.first else facts.headlines
    return headlines[digest.picks[0].paper_id]


def preheader_pieces(facts: EditionFacts, papers: Sequence[int]) -> tuple[str, ...]:
    """Return the preview in pieces that digests have in common: it names papers after the first and
    counts the rest.

    With little to name it goes on with the first one's summary.
    """
    if len(papers) < 2:
        return (facts.summaries[papers[0]],) if papers else (facts.sentences[0],)
    before, after = _around_titles(facts.also)
    titles = facts.titles
    said = [before, titles[papers[1]]]
    room = PREHEADER_LIMIT - ROOM_FOR_A_COUNT - len(before) - len(after) - len(said[1])
    named = 1
    for paper in papers[2:]:
        title = titles[paper]
        room -= len(title)
        if room < 0:
            break
        room -= len(BETWEEN_TITLES)
        named += 1
        said += (BETWEEN_TITLES, title)
    if left := len(papers) - 1 - named:
        return (*said, after, " ", facts.more[left])
    if sum(map(len, said)) + len(after) >= PREHEADER_LEAST:
        return (*said, after)
    return (
        shorten(f"{''.join(said)}{after}{SEPARATOR}{facts.summaries[papers[0]]}", PREHEADER_LIMIT),
    )


@lru_cache(maxsize=64)
def _around_titles(also: str) -> tuple[str, str]:
    """Return what stands before the titles and after them."""
    before, _, after = (also % {"titles": "\0"}).partition("\0")
    return before, after


def parts_of(facts: EditionFacts, digest: Digest, omitted: int = 0) -> list[Part]:
    """Return the parts in the order the reader sees them. `omitted` papers were cut at the end
    for weight.
    """
    return [
        *opening_parts(facts, digest),
        *_papers(facts, digest),
        *closing_parts(facts, digest, omitted),
    ]


def opening_parts(facts: EditionFacts, digest: Digest) -> list[Part]:
    """Return what stands before the papers."""
    links = digest.links
    parts = [
        Part("ways", {"view": links.view, "preferences": links.preferences, "leave": links.leave})
    ]
    if digest.first:
        parts.append(Part("welcome", {"preferences": links.preferences}))
    if facts.editor_note:
        parts.append(Part("editor"))
    if digest.note:
        parts.append(note_part(digest.note))
    return parts


def note_part(note: str) -> Part:
    """Return a line to the reader, the last part before the papers."""
    return Part(
        "note", {"note": breakable(isolated(note)), "note_lines": paragraph(isolated(note))}
    )


def closing_parts(facts: EditionFacts, digest: Digest, omitted: int = 0) -> list[Part]:
    """Return what stands after the papers."""
    links, parts = digest.links, []
    if omitted:
        said = facts.omitted[min(omitted, len(facts.omitted) - 1)]
        parts.append(
            Part("omitted", {"omitted": said, "omitted_lines": paragraph(said), "view": links.view})
        )
    own = {"view": links.view, "preferences": links.preferences, "leave": links.leave}
    return [*parts, Part("footer", {"address": digest.address, **own})]


def web_parts_of(
    facts: EditionFacts, digest: Digest, chrome: Mapping[str, str], withdrawn: Set[int]
) -> list[Part]:
    """Return the parts of the web view: the digest without anything that only its reader may do,
    inside the site's own links.
    """
    parts: list[Part] = [Part("chrome", chrome)]
    if facts.editor_note:
        parts.append(Part("editor"))
    if digest.note:
        parts.append(Part("note", {"note": breakable(isolated(digest.note)), "note_lines": ""}))
    for part in _papers(facts, digest):
        gone = part.kind in CARD_KINDS and part.paper_id in withdrawn
        parts.append(Part("withdrawn", {"title": facts.titles[part.paper_id]}) if gone else part)
    return [*parts, Part("colophon")]


def _papers(facts: EditionFacts, digest: Digest) -> Iterator[Part]:
    shown = ""
    for number, pick in enumerate(digest.picks, start=1):
        heading = heading_of(facts, pick)
        if heading and heading != shown:
            yield heading_part(heading)
        shown = heading
        yield from pick_parts(facts, pick, f"{number:>2}", digest.links)


def heading_part(heading: str) -> Part:
    return Part("heading", _heading_values(heading))


def pick_parts(
    facts: EditionFacts, pick: DigestPick, number: str, links: DigestLinks
) -> tuple[Part, Part]:
    """Return a paper's card and what stands under it: the links to answer with, or a gap where
    there is no `act`.
    """
    lead = pick.section == "lead"
    card = Part(
        _CARD_OF_SECTION[pick.section], _card_values(facts, pick, number, links.read), pick.paper_id
    )
    if not links.act:
        return card, Part("lead_gap" if lead else "gap")
    return card, Part(
        "lead_actions" if lead else "actions", _action_values(facts, links.act, pick.paper_id)
    )


@lru_cache(maxsize=4_096)
def _heading_values(heading: str) -> Mapping[str, str]:
    heading = isolated(heading)
    lines = paragraph(heading)
    return {
        "heading": breakable(heading),
        "heading_lines": f"{lines}\n{'-' * min(max(map(wcwidth.width, lines.splitlines())), 78)}",
    }


def heading_of(facts: EditionFacts, pick: DigestPick) -> str:
    """Return the heading a pick stands under; the lead has its title for one."""
    if pick.section == "lead":
        return ""
    if pick.section == "pinned":
        return facts.pinned_heading
    return facts.also_heading if pick.section == "also" else pick.topic or facts.topics_heading


def _card_values(facts: EditionFacts, pick: DigestPick, number: str, read: str) -> dict[str, str]:
    address = f"{read}{pick.paper_id}/" if read else facts.addresses[pick.paper_id]
    reasons = (
        tuple(_without_heading(reason, pick.topic) for reason in pick.reasons)
        if pick.section == "topics"
        else pick.reasons
    )
    return {
        **_reason_values(reasons or (facts.no_reason,), facts.why),
        "number": number,
        "read": address,
    }


def _without_heading(reason: str, topic: str) -> str:
    """Return the reason without the name of the topic, which the paper stands under already."""
    return reason.removeprefix(f"{topic}: ") if topic else reason


@lru_cache(maxsize=65_536)
def _reason_values(reasons: tuple[str, ...], why: str) -> Mapping[str, str]:
    """Reasons repeat between readers, and laying out lines is the dearest step of a digest."""
    main, *others = [isolated(reason.replace(" → ", RISE)) for reason in reasons]
    return {
        "reason": breakable(main),
        "more_reasons": breakable("".join(f"{SEPARATOR}{reason}" for reason in others)),
        "reason_lines": paragraph(f"{why} {SEPARATOR.join((main, *others))}", indent=4),
    }


def _action_values(facts: EditionFacts, act: str, paper_id: int) -> dict[str, str]:
    return {"act": act, "paper": str(paper_id), "label": facts.names[paper_id]}
