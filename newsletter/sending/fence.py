"""The fence: before each hand-over the worker moves its batch's cursor, and only if that works may it go on."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import connection
from django.db.models import Exists

from newsletter.models import Batch, BatchState
from newsletter.sending.claim import HandOver
from subscriptions.models import Subscriber


class Mark(enum.Enum):
    """What came of moving the cursor."""

    MADE = "made"
    READER_GONE = "reader gone"
    HALTED = "halted"
    LOST = "lost"


@dataclass(slots=True)
class Fence:
    """The cursor of one claimed batch, as the only worker that may move it sees it."""

    batch_id: int
    token: uuid.UUID
    cursor: int = 0

    def advance(self, hand_over: HandOver, now: datetime) -> Mark:
        """Begin the hand-over: move the cursor past its position, and check the reader again, in one conditional statement.

        MADE: hand it over now; should the process die meanwhile, exactly this delivery is uncertain. READER_GONE: they left, paused or
        were suppressed since the claim; the cursor stands. HALTED: a person stopped the run; the cursor stands. LOST: the lease ran
        out or somebody else settled the batch; the worker must stop at once and record nothing.
        """
        passed = hand_over.position + 1
        if self._move(passed, hand_over.reader.id, now):
            self.cursor = passed
            return Mark.MADE
        return self._why(now)

    def _move(self, passed: int, reader: int, now: datetime) -> bool:
        if connection.vendor == "postgresql":
            return self._move_on_postgresql(passed, reader, now)
        mine = Batch.objects.filter(
            pk=self.batch_id, token=self.token, state=BatchState.CLAIMED, lease_until__gt=now, halted=False, cursor=self.cursor
        )
        return mine.filter(Exists(Subscriber.objects.mailable(now).filter(pk=reader))).update(cursor=passed) == 1

    def _move_on_postgresql(self, passed: int, reader: int, now: datetime) -> bool:
        """Do the same in one prepared statement, which costs a tenth: this is the one statement that runs for every mail.

        A mark that a crash of the server loses is told by the server's epoch, so its commit need not wait for the disk.
        """
        connection.ensure_connection()
        values = {"passed": passed, "batch": self.batch_id, "token": self.token, "cursor": self.cursor, "reader": reader, "now": now}
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            return cursor.execute(_MOVE, values, prepare=True).rowcount == 1

    def _why(self, now: datetime) -> Mark:
        mine = Batch.objects.filter(pk=self.batch_id, token=self.token, state=BatchState.CLAIMED, lease_until__gt=now, cursor=self.cursor)
        halted = mine.values_list("halted", flat=True).first()
        if halted is None:
            return Mark.LOST
        return Mark.HALTED if halted else Mark.READER_GONE


_MOVE = """
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE newsletter_batch SET cursor = %(passed)s FROM quick
    WHERE id = %(batch)s AND token = %(token)s AND state = 'claimed' AND lease_until > %(now)s AND NOT halted AND cursor = %(cursor)s
    AND EXISTS (
        SELECT FROM subscriptions_subscriber
        WHERE id = %(reader)s AND state = 'active' AND suppressed_at IS NULL AND (paused_until IS NULL OR paused_until <= %(now)s)
    )
"""
