"""The fence: while digests are chosen the worker renews its lease, and before each hand-over it
moves its batch's cursor. Only if that works may it go on.
"""

import enum
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists

from newsletter.models import Batch, BatchState
from newsletter.sending.prepared import Prepared
from newsletter.sending.questions import Change
from newsletter.sending.readers import HandOver, Reader
from subscriptions.models import Subscriber


class Mark(enum.Enum):
    """What came of moving the cursor."""

    MADE = "made"
    READER_GONE = "reader gone"
    HALTED = "halted"
    LOST = "lost"


def lease_from(now: datetime) -> datetime:
    """Return when a lease ends that is taken or renewed at `now`."""
    return now + timedelta(seconds=settings.LEASE_SECONDS)


_renew = Change(
    "renew_lease",
    lambda batch, token, now, until: (
        Batch.objects.filter(
            pk=batch, token=token, state=BatchState.CHOOSING, lease_until__gt=now, halted=False
        ),
        {"lease_until": until},
    ),
)


@dataclass(slots=True)
class Fence:
    """The lease and the cursor of one batch, as the only worker that may move them sees it."""

    batch_id: int
    token: uuid.UUID
    cursor: int = 0

    def renew(self, now: datetime) -> bool:
        """Renew the lease of a batch whose digests are being chosen. Within a transaction this
        locks the batch.

        False when the lease ran out, somebody else has the batch, or a person stopped the run: the
        worker must stop at once and write nothing of what it chose.
        """
        return _renew(self.batch_id, self.token, now, lease_from(now)) == 1

    def advance(
        self,
        hand_overs: Sequence[HandOver],
        now: datetime,
        meanwhile: Iterator[object] | None = None,
    ) -> Mark:
        """Begin hand-overs that go out side by side: move the cursor past them, and check their
        readers, in one conditional statement.

        MADE: hand them over now; should the process die meanwhile, exactly these are uncertain.
        READER_GONE: some of them left, paused, were suppressed or took another address since the
        claim; the cursor stands. HALTED: a person stopped the run; the cursor stands. LOST: the
        lease ran out or somebody else settled the batch; the worker must stop at once and record
        nothing.

        Args:
            meanwhile: work in pieces for the time in which the database is busy; what is not
                reached stays undone.
        """
        passed = hand_overs[-1].position + 1
        readers = [hand_over.reader for hand_over in hand_overs]
        if self._move(passed, passed - hand_overs[0].position, readers, now, meanwhile or iter(())):
            self.cursor = passed
            return Mark.MADE
        return self._why(now)

    def _move(
        self,
        passed: int,
        in_hand: int,
        readers: Sequence[Reader],
        now: datetime,
        meanwhile: Iterator[object],
    ) -> bool:
        if connection.vendor == "postgresql":
            return self._move_on_postgresql(passed, in_hand, readers, now, meanwhile)
        mine = Batch.objects.filter(
            pk=self.batch_id,
            token=self.token,
            state=BatchState.CLAIMED,
            lease_until__gt=now,
            halted=False,
            cursor=self.cursor,
        )
        for reader in readers:
            mine = mine.filter(
                Exists(
                    Subscriber.objects.mailable(now).filter(pk=reader.id, address=reader.address)
                )
            )
        return mine.update(cursor=passed, in_hand=in_hand) == 1

    def _move_on_postgresql(
        self,
        passed: int,
        in_hand: int,
        readers: Sequence[Reader],
        now: datetime,
        meanwhile: Iterator[object],
    ) -> bool:
        """Do the same in one prepared statement. A mark that a crash of the server loses is told by
        the server's epoch, so its commit need not wait for the disk.
        """
        values = (
            passed,
            in_hand,
            self.batch_id,
            self.token,
            self.cursor,
            len(readers),
            now.isoformat(),
        )
        ids = ",".join([str(reader.id) for reader in readers])
        addresses = ",".join([_quoted(reader.address) for reader in readers])
        return (
            _MOVE.execute(*map(str, values), f"{{{ids}}}", f"{{{addresses}}}", meanwhile=meanwhile)
            == 1
        )

    def _why(self, now: datetime) -> Mark:
        mine = Batch.objects.filter(
            pk=self.batch_id,
            token=self.token,
            state=BatchState.CLAIMED,
            lease_until__gt=now,
            cursor=self.cursor,
        )
        halted = mine.values_list("halted", flat=True).first()
        if halted is None:
            return Mark.LOST
        return Mark.HALTED if halted else Mark.READER_GONE


def _quoted(text: str) -> str:
    """Return a text as an element of an array in PostgreSQL's notation."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_MOVE = Prepared(
    "paperboy_mark",
    """
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE newsletter_batch SET cursor = $1, in_hand = $2 FROM quick
    WHERE id = $3 AND token = $4 AND state = 'claimed' AND lease_until > $7 AND NOT halted
    AND cursor = $5
    AND $6 = (
        SELECT count(*) FROM subscriptions_subscriber
        WHERE id = ANY($8::bigint[]) AND address = ($9::text[])[array_position($8::bigint[], id)]
        AND state = 'active' AND suppressed_at IS NULL
        AND (paused_until IS NULL OR paused_until <= $7)
    )
    """,
)
"""No join: without statistics, as after a restore, PostgreSQL would go through all active
readers for it, with every mark.
"""
