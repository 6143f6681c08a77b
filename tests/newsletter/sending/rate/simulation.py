"""Workers that spend a budget under a simulated clock, and the check that no window ever held
more than it may.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from newsletter.sending.rate import Budget

START = datetime(2026, 1, 9, 5, 0, 0, tzinfo=UTC)
PAUSE = timedelta(milliseconds=20)


@dataclass
class Spent:
    """When mails were handed over, and how many."""

    grants: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(count for _, count in self.grants)

    def most_within(self, window: timedelta) -> int:
        """Return the most mails in any half-open stretch of this length."""
        inside: deque[tuple[datetime, int]] = deque()
        most = held = 0
        for at, count in sorted(self.grants):
            inside.append((at, count))
            held += count
            while inside[0][0] <= at - window:
                held -= inside.popleft()[1]
            most = max(most, held)
        return most


def spend(
    budgets: list[Budget],
    length: timedelta,
    *,
    asking: int = 200,
    delay: timedelta = timedelta(),
    seed: int = 1,
) -> Spent:
    """Let each budget's worker ask for mails as soon as it may, for so long; each grant is
    handed over within `delay` after it.
    """
    chance = random.Random(seed)
    spent = Spent()
    turns = [(START, number) for number in range(len(budgets))]
    while turns:
        now, number = heapq.heappop(turns)
        grant = budgets[number].take(asking, now)
        if grant.count:
            spent.grants.append((now + delay * chance.random(), grant.count))
        later = max(grant.wait_until or now, now + PAUSE)
        if later < START + length:
            heapq.heappush(turns, (later, number))
    return spent
