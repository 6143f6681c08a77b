"""A batch's share of the cluster's rate: taken in small handfuls, with short waits in place and
long ones left to the beat.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.sending.rate import Budget, Grant

HANDFUL = 48
"""Mails taken from the budget at once: few questions, and little is lost when a worker dies."""
LONGEST_WAIT = timedelta(seconds=5)
"""A longer wait is not worth a worker: the rest of the batch is planned for its end."""


@dataclass(slots=True)
class Ration:
    """What one batch may still hand over of what it took."""

    budget: Budget
    domain: Budget | None = None
    left: int = 0
    free_until: datetime | None = None

    def take(self, most: int, wanted: int, clock: Clock, until: datetime) -> Grant:
        """Make room for up to `most` mails, at least one, waiting a little where that helps; or
        none, and the instant to ask again.

        Args:
            wanted: how many mails the batch has left.
            until: no waiting beyond this instant.
        """
        while not self.left:
            now = clock()
            if self.free_until is not None and now < self.free_until:
                return Grant(most)
            grant = self._grant(min(wanted, max(most, HANDFUL)), now)
            self.left, self.free_until = grant.count, grant.free_until
            if self.left:
                break
            again = grant.wait_until or now + LONGEST_WAIT
            if again - now > LONGEST_WAIT or again > until:
                return Grant(0, again)
            time.sleep(max(0.0, (again - now).total_seconds()))
        count = min(most, self.left)
        self.left -= count
        return Grant(count)

    def _grant(self, wanted: int, now: datetime) -> Grant:
        """Ask the provider's budget, and the domain's before it; what the second one refuses,
        the first one has lost.
        """
        if self.domain is None:
            return self.budget.take(wanted, now)
        allowed = self.domain.take(wanted, now)
        if not allowed.count:
            return allowed
        grant = self.budget.take(allowed.count, now)
        return Grant(
            grant.count,
            grant.wait_until or allowed.wait_until,
            grant.free_until and allowed.free_until,
        )

    def put_back(self, unused: int) -> None:
        """Return what was taken for mails that were not handed over after all."""
        self.left += unused

    def give_back(self) -> None:
        """Return what was taken and not used."""
        self.budget.release(self.left)
        self.left = 0
