"""Plain factories of editions and digests."""

from dataclasses import replace
from datetime import date

from django.utils.translation import override

from newsletter.composing.cards import counts_of
from newsletter.composing.compiled import CompiledParts, join_edition
from newsletter.composing.content import Digest, DigestLinks, DigestPick, EditionContent, PaperCard
from newsletter.composing.locales import locale_of
from newsletter.composing.prepared import Wanted, prepare_cards
from newsletter.composing.proof import differing_papers, without_papers

LINKS = DigestLinks(
    leave="https://paperboy.example.org/u/AQEAbcdefghijkl/",
    preferences="https://paperboy.example.org/p/AQabcdefghijkl/",
    view="https://paperboy.example.org/v/AQabcdefghijkl/",
    act="https://paperboy.example.org/a/AQabcdefghijkl/",
)
DAY = date(2026, 1, 9)


def paper(number: int = 1, **changes) -> PaperCard:
    return PaperCard(
        **{
            "id": number,
            "title": f"Method{number}: Learning to Sort Letters by Hand",
            "abstract": f"We sort letters. Method {number} reads them first. It is quick & sure.",
            "authors": ("Ada Byron", "Grace Hopper"),
            "author_count": 2,
            "url": f"https://arxiv.org/abs/2601.{number:05}",
            "published": date(2026, 1, 7),
            "votes": 40 + number,
            "votes_before": 30,
            "comments": 3,
        }
        | changes
    )


def edition(*papers: PaperCard, count: int = 8, **changes) -> EditionContent:
    cards = papers or tuple(paper(number) for number in range(1, count + 1))
    return EditionContent(
        **{"edition_id": 7, "cadence": "daily", "day": DAY, "papers": cards} | changes
    )


def picks(*ids: int, reason: str = "matches your topic Sorting") -> tuple[DigestPick, ...]:
    """The first id leads, the next three stand under a topic, the others also trend."""
    sections = ["lead", *["topics"] * 3, *["also"] * len(ids)]
    return tuple(
        DigestPick(
            paper_id, (reason, "41 votes"), section, topic="Sorting" if section == "topics" else ""
        )
        for paper_id, section in zip(ids, sections, strict=False)
    )


def digest(*ids: int, **changes) -> Digest:
    return Digest(
        **{
            "edition_id": 7,
            "delivery_id": 70,
            "subscriber_id": 3,
            "address": "ada@example.org",
            "picks": picks(*(ids or (1, 2, 3, 4, 5))),
            "links": LINKS,
            "message_key": "0123456789abcdef01234567",
        }
        | changes
    )


def prepared_edition(content: EditionContent) -> CompiledParts:
    """Join the edition from cards that were prepared one by one, as the freeze does."""
    cards, dropped = [], []
    with override(content.language):
        counts = [counts_of(one, locale_of(content.language)) for one in content.papers]
    wanted = [
        Wanted.of(one, has_counts=bool(said))
        for one, (said, _lines) in zip(content.papers, counts, strict=True)
    ]
    found = prepare_cards(wanted, content.language)
    for one, prepared, said in zip(content.papers, found, counts, strict=True):
        if (card := prepared.counted(*said).card) is None:
            dropped.append((one.id, prepared.fault))
        else:
            cards.append(card)
    return join_edition(content, cards, dropped)


def proved_edition(content: EditionContent) -> CompiledParts:
    """Return the same without papers because of which a digest differs from the plain way."""
    compiled = prepared_edition(content)
    if bad := differing_papers(content, compiled):
        left = proved_edition(without_papers(content, bad))
        return replace(left, dropped=(*bad, *left.dropped))
    return compiled
