"""Building listing pages and API answers for tests, and comparing what they left in the
database.
"""

import json
from collections.abc import Iterable
from typing import Any

from ingest.models import Listing, Paper

HEADER = (
    "new",
    "Get trending papers in your email inbox!",
    "Subscribe",
    "Daily Papers",
    "byAK and the research community",
)


def page(*blocks: str, date: str = "Dec 15", header: Iterable[str] = HEADER) -> bytes:
    """Return a listing page made of the header and the given blocks."""
    return "\n\n".join([*header, date, *blocks] if date else [*header, *blocks]).encode()


def facts(authors: int = 7, date: str = "Oct 5, 2022") -> str:
    return f"  • {authors} authors\n·\n{date}"


def daily_paper(number: str = "2501.01234", **changes: Any) -> dict[str, Any]:
    """Return one record of the Daily Papers API; `paper__x` changes a field of its paper, other
    names one of the record.
    """
    record: dict[str, Any] = {
        "paper": {
            "id": number,
            "authors": [
                {"_id": "0a1", "name": "Ada Example", "hidden": False},
                {"_id": "0a2", "name": "Bo Sample", "hidden": False},
            ],
            "publishedAt": "2025-01-08T17:04:00.000Z",
            "submittedOnDailyAt": "2025-01-09T00:00:00.000Z",
            "title": f"An Invented Title of {number}",
            "summary": "An invented\nabstract.",
            "upvotes": 12,
            "githubRepo": "https://github.com/example/repo",
            "projectPage": "https://example.org/p",
        },
        "publishedAt": "2025-01-08T12:04:00.000Z",
        "title": f"An Invented Title of {number}",
        "numComments": 2,
    }
    for name, value in changes.items():
        target, key = (
            (record["paper"], name.removeprefix("paper__"))
            if name.startswith("paper__")
            else (record, name)
        )
        target[key] = value
    return record


def answer(*records: object) -> bytes:
    return json.dumps(records).encode()


def stored() -> dict[str, object]:
    """Return all papers, listings and counts by content, without keys, so that two ways to the
    same rows can be compared.
    """
    fields = [
        field.name
        for field in Paper._meta.concrete_fields
        if field.name not in {"id", "merged_into", "title_key"}
    ]
    papers = {
        paper.pk: json.dumps([getattr(paper, name) for name in fields], sort_keys=True, default=str)
        for paper in Paper.objects.all()
    }
    return {
        "papers": sorted((papers[paper.pk], papers.get(paper.merged_into_id or 0, "")) for paper in Paper.objects.all()),
        "listings": sorted(
            (listing.source.slug, listing.day.isoformat(), papers[listing.paper_id], listing.last_seen_at.isoformat(),
             [(count.seen_at.isoformat(), count.votes, count.comments, count.rank) for count in listing.counts.all()])
            for listing in Listing.objects.select_related("source").prefetch_related("counts")
        ),
    }  # fmt: skip
