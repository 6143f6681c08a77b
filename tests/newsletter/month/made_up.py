"""Made-up days of listings."""

import random
from datetime import timedelta

from tests.newsletter.month.lists import ListedDay, record_of
from tests.newsletter.world import SUBJECTS


def made_up_days(first, count, papers=12):
    """Weekdays of papers on a few subjects; some come back days later under another version, as
    on real lists.
    """
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
                        "title": f"Learning {one} from {other}, part "
                        f"{number - 25 if again else number}",
                        "abstract": f"We learn about {one} by looking at {other}. Both {one} and "
                        f"{other} were measured {number} times.",
                        "authors": [f"Ada {chance.choice('BCDEFG')}.", "Bo Example"],
                        "published": (day - timedelta(days=1)).isoformat(),
                        "upvotes": chance.randrange(1, 90),
                        "comments": chance.randrange(4),
                        "code": number % 3 == 0,
                    }
                )
            unique = {row["id"]: row for row in rows}.values()
            days.append(ListedDay(day, [record_of(day.isoformat(), row) for row in unique]))
        day += timedelta(days=1)
    return days
