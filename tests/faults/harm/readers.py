"""What readers do while the run is on."""

from datetime import UTC, datetime, timedelta
from itertools import cycle

from django.test import Client
from django.urls import reverse

from subscriptions.leaving import leave
from subscriptions.models import Subscriber, SuppressionReason
from subscriptions.preferences import change
from subscriptions.registry import erase_reader
from subscriptions.schedule import Schedule
from subscriptions.suppression import suppress
from subscriptions.tokens import Power, sign
from tests.faults.scene import Scene

FOUND, OK = 302, 200


def leave_meanwhile(scene: Scene) -> None:
    """Readers leave, pause, are erased and complain while the run is on; those before their
    hand-over get nothing.
    """
    for share in (0.1, 0.3, 0.5, 0.7):
        scene.when(share)
        for way, reader in zip(cycle(WAYS_TO_GO), scene.waiting_readers(AT_ONCE), strict=False):
            way(reader, datetime.now(UTC))
            scene.has_gone(reader)


def _leaves(reader: Subscriber, now: datetime) -> None:
    leave(reader.pk, now=now, evidence="fault experiment")


def _pauses(reader: Subscriber, now: datetime) -> None:
    schedule = Schedule(hour=reader.hour, timezone=reader.timezone)
    assert change(reader.pk, reader.profile.choices, schedule, now + timedelta(days=3), now=now)


def _is_erased(reader: Subscriber, now: datetime) -> None:
    erase_reader(reader, now=now)


def _complains(reader: Subscriber, now: datetime) -> None:
    suppress(reader.address, SuppressionReason.COMPLAINT, now=now)


WAYS_TO_GO = (_leaves, _pauses, _is_erased, _complains)
AT_ONCE = 12


def pages_answer(scene: Scene) -> None:
    """Let one reader leave by one click and a stranger sign up: both pages must answer as ever,
    whatever is away.
    """
    client = Client(headers={"host": "127.0.0.1"})
    for reader in scene.waiting_readers(1):
        address = reverse("leave", args=[sign(Power.LEAVE, reader.pk, scene.edition.pk)])
        answered = client.post(address, {"List-Unsubscribe": "One-Click"}).status_code
        if answered != OK:
            raise AssertionError(f"leaving by one click was answered {answered}")
        scene.has_gone(reader)
    stranger = f"stranger{scene.dice.randrange(10**9)}@example.org"
    answered = client.post(
        reverse("sign_up"),
        {"address": stranger, "cadence": "daily", "hour": "8", "timezone": "UTC"},
    ).status_code
    if answered != FOUND:
        raise AssertionError(f"signing up was answered {answered}")
