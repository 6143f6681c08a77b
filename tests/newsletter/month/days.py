"""Days of listings for a month of the product: real ones where the reference data is, made-up ones anywhere."""

import gzip
import json
import random
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from tests.newsletter.world import SUBJECTS


@dataclass(frozen=True)
class ListedDay:
    """One day of a community's list as `records` of the Daily Papers answer, read that evening."""

    day: date
    records: list[dict]

    @property
    def content(self):
        return json.dumps(self.records).encode()


def real_days(folder, *, until, count):
    """The last `count` days before `until` of the reference data's community list."""
    lists = folder / "bench" / "ranking" / "daily" / "community_days.jsonl.gz"
    if not lists.exists():
        pytest.skip("the reference data beside the project has no lists")
    with gzip.open(lists, "rt") as file:
        rows = [row for row in map(json.loads, file) if row["date"] < until.isoformat()]
    return [ListedDay(date.fromisoformat(row["date"]), [_record(row["date"], paper) for paper in row["papers"]]) for row in rows[-count:]]


def made_up_days(first, count, papers=12):
    """Weekdays of papers on a few subjects; some come back days later under another version, as on real lists."""
    chance = random.Random(4)
    days, number, day = [], 0, first
    while len(days) < count:
        if day.weekday() < 5:
            rows = []
            for _ in range(papers):
                number += 1
                one, other = chance.sample(SUBJECTS, 2)
                again = number > 30 and number % 9 == 0
                rows.append(
                    {
                        "id": f"2601.{(number - 25 if again else number):05d}",
                        "title": f"Learning {one} from {other}, part {number - 25 if again else number}",
                        "abstract": f"We learn about {one} by looking at {other}. Both {one} and {other} were measured {number} times.",
                        "authors": [f"Ada {chance.choice('BCDEFG')}.", "Bo Example"],
                        "published": (day - timedelta(days=1)).isoformat(),
                        "upvotes": chance.randrange(1, 90),
                        "comments": chance.randrange(4),
                        "code": number % 3 == 0,
                    }
                )
            unique = {row["id"]: row for row in rows}.values()
            days.append(ListedDay(day, [_record(day.isoformat(), row) for row in unique]))
        day += timedelta(days=1)
    return days


def _record(day, paper):
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
