"""Days of listings as the Daily Papers answer tells them, and a file of such days."""

import gzip
import json
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ListedDay:
    """One day of a community's list as `records` of the Daily Papers answer, read that evening."""

    day: date
    records: list[dict]

    @property
    def content(self):
        return json.dumps(self.records).encode()


def listed_days(lists, *, before):
    """The days of a file of JSON Lines, oldest first."""
    with (gzip.open if lists.suffix == ".gz" else open)(lists, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["date"] < before.isoformat()]
    return [
        ListedDay(
            date.fromisoformat(row["date"]),
            [record_of(row["date"], paper) for paper in row["papers"]],
        )
        for row in rows
    ]


def record_of(day, paper):
    """A paper of such a file as a record of the answer of that day."""
    known = {
        "id": paper["id"],
        "title": paper["title"],
        "summary": paper["abstract"],
        "authors": [{"name": name} for name in paper["authors"]],
        "publishedAt": f"{paper['published']}T00:00:00.000Z",
        "upvotes": paper["upvotes"],
        "submittedOnDailyAt": f"{day}T00:00:00.000Z",
    }
    if paper["code"]:
        known["githubRepo"] = f"example/{paper['id']}"
    return {"paper": known, "numComments": paper["comments"]}
