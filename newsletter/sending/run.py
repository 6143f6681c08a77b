"""Run: one worker's way through one claimed batch, and what it has to write down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.clock import Clock
from newsletter.models import DeliveryStatus
from newsletter.sending.claim import Claimed
from newsletter.sending.fence import Fence
from newsletter.sending.mail import Mail
from newsletter.sending.press import Press
from newsletter.sending.ration import Ration
from newsletter.sending.readers import HandOver
from newsletter.sending.record import Note, write_note
from newsletter.sending.transports import Transport

REFUSALS_OF_A_DOMAIN = 5


def domain_of(hand_over: HandOver) -> str:
    return hand_over.reader.address.rpartition("@")[2].lower()


@dataclass(slots=True)
class Run:
    """What one worker knows of the batch in its hands."""

    claimed: Claimed
    clock: Clock
    fence: Fence
    ration: Ration
    transport: Transport
    press: Press
    notes: list[Note] = field(default_factory=list)
    written: int = 0
    resume_at: datetime | None = None
    stopped: bool = False
    lost: bool = False
    as_chosen: bool = True
    in_hand: Sequence[HandOver] = ()
    """Those of the last mark whose answers are not noted yet; beyond the cursor the mark was not
    made.
    """
    printed: dict[int, Mail] = field(default_factory=dict)
    accepted: int = 0
    transient_in_a_row: int = 0
    failed_in_a_row: int = 0
    refusals_in_a_row: dict[str, int] = field(default_factory=dict)

    def is_spared(self, hand_over: HandOver) -> bool:
        """Say whether the reader's domain has refused so many in a row that trying more of it
        now would only harm us there.
        """
        return (
            bool(self.refusals_in_a_row)
            and self.refusals_in_a_row.get(domain_of(hand_over), 0) >= REFUSALS_OF_A_DOMAIN
        )

    def note(
        self, hand_over: HandOver, status: DeliveryStatus, reason: str, attempts: int | None = None
    ) -> None:
        """Keep what became of a delivery; `write` records it."""
        self.notes.append(
            Note(
                hand_over.delivery_id,
                status,
                reason,
                hand_over.attempts if attempts is None else attempts,
            )
        )

    def write(self) -> None:
        """Record the notes that are not recorded yet. They are kept for the end too, in case the
        database fails just now.
        """
        new, self.written = self.notes[self.written :], len(self.notes)
        for note in new:
            write_note(self.claimed.batch_id, note, self.clock())

    def stop(self, resume_at: datetime | None = None) -> None:
        """Hand nothing more over; the rest of the batch waits until then."""
        self.stopped = True
        self.resume_at = max(filter(None, (self.resume_at, resume_at or self.clock())))
