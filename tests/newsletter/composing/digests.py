"""Plain factories of editions and digests."""

from datetime import date

from newsletter.composing.content import Digest, DigestLinks, DigestPick, EditionContent, PaperCard

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
