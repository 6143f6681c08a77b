"""A scene: what a harm has to work with, and what it notes for the findings."""

import os
import random
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from newsletter.models import UNDER_WAY, Batch, Edition
from subscriptions.models import Subscriber
from tests.faults.readers import is_done
from tests.faults.town import Town


@dataclass
class Scene:
    """What an experiment works with.

    `disk` is the small one, where the experiment's place has one. `gone` collects the addresses of
    readers who may get nothing more, because they left before their mail was begun. `crashes`
    counts those of the database server, which may lose the marks of every batch in flight; `notes`
    are said beside the numbers.
    """

    town: Town
    readers: int
    dice: random.Random
    disk: Path | None = None
    gone: set[str] = field(default_factory=set)
    kills: int = 0
    stops: int = 0
    crashes: int = 0
    notes: list[str] = field(default_factory=list)
    harmed_at: float | None = None

    @property
    def edition(self) -> Edition:
        return Edition.objects.defer("statistics").earliest("pk")

    def when(self, share: float) -> None:
        """Wait until the provider has accepted this share of the mail, or the run is over."""
        wanted = share * self.readers
        with suppress(TimeoutError):
            self.town.wait_for(
                lambda: sum(self.town.accepted().values()) >= wanted or is_done(), 120
            )

    def over(self) -> None:
        """Say that the harm ends here: what follows is recovery."""
        self.harmed_at = time.monotonic()

    def waiting_readers(self, count: int) -> Iterable[Subscriber]:
        """Return some active readers of whom the provider has nothing yet: planned ones, and
        some whose batch is in a worker's hands.
        """
        active = Subscriber.objects.filter(state="active", suppressed_at=None, paused_until=None)
        waiting = sorted(
            active.exclude(address_key__in=self.town.accepted().keys()).values_list("pk", flat=True)
        )
        chosen = self.dice.sample(waiting, min(count, len(waiting)))
        return Subscriber.objects.filter(pk__in=chosen).select_related("profile").order_by("pk")

    def has_gone(self, reader: Subscriber) -> None:
        """Note a reader whom nothing may be sent any more, unless their mail had been begun
        before.
        """
        with connection.cursor() as cursor:
            cursor.execute(_BEGUN, [reader.pk])
            if not cursor.fetchone()[0]:
                self.gone.add(reader.address_key)

    def make_waiting_due(self) -> None:
        """Shorten the back-off, which is minutes by design, so that an experiment takes seconds."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and Batch.objects.filter(state__in=UNDER_WAY).exists():
            Batch.objects.filter(state="planned").update(send_after=self.edition.planned_at)
            time.sleep(1)

    def kill_child(self, name: str) -> None:
        """Kill one random pool process of a worker."""
        if children := self.town.children(name):
            with suppress(ProcessLookupError):
                os.kill(self.dice.choice(children), signal.SIGKILL)
                self.kills += 1


_BEGUN = """
    SELECT EXISTS (
        SELECT FROM newsletter_delivery d JOIN newsletter_batch b ON b.id = d.batch_id
        WHERE d.subscriber_id = %s
        AND (d.status IN ('sent', 'failed', 'uncertain') OR d.status = 'claimed' AND d.position < b.cursor)
    )
"""
