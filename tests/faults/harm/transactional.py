"""Harm to transactional mail: confirmations that cannot be built."""

import time
from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from subscriptions.letters import MAX_ATTEMPTS
from subscriptions.models import Letter, LetterState, Subscriber
from subscriptions.models.profile import Choices
from subscriptions.origins import NOWHERE
from subscriptions.schedule import Schedule
from subscriptions.signup import request_sign_up
from subscriptions.waking import wake
from tests.faults.scene import Scene

SOUND, BROKEN = 40, 10
FOUND = 302


def cannot_be_built(scene: Scene) -> None:
    """Strangers sign up during the run, and some of the confirmations cannot be built. These end
    with a reason while the others go out, and the desk sends them again once the cause is mended.
    """
    scene.when(0.2)
    broken = [_sign_up(f"broken{number}@example.org", broken=True) for number in range(BROKEN)]
    sound = [_sign_up(f"sound{number}@example.org") for number in range(SOUND)]
    scene.town.wait_for(lambda: _all_are(LetterState.SENT, sound), 60)
    scene.town.wait_for(lambda: _have_ended(broken), 120)
    for letter in Letter.objects.filter(pk__in=broken):
        _must(letter.state == LetterState.FAILED, f"ended as {letter.state}")
        _must(letter.attempts == MAX_ATTEMPTS, f"{letter.attempts} attempts")
        _must(letter.error.startswith("the mail cannot be built"), f"reason: {letter.error}")
        _must("broken" not in letter.error, f"names the address: {letter.error}")
    _mend()
    _send_again_at_the_desk(broken)
    scene.town.wait_for(lambda: _all_are(LetterState.SENT, broken), 60)
    scene.over()
    accepted = scene.town.accepted()
    for kind, count in (("sound", SOUND), ("broken", BROKEN)):
        copies = [accepted[f"{kind}{number}@example.org"] for number in range(count)]
        _must(set(copies) == {1}, f"copies of the mails to {kind} addresses: {copies}")
    scene.notes.append(
        f"{SOUND} confirmations went out, {BROKEN} failed after {MAX_ATTEMPTS} attempts each and "
        "went out when staff sent them again"
    )


def _sign_up(address: str, *, broken: bool = False) -> int:
    """Sign a stranger up; return the confirmation's id. A broken one is to an address that no
    header can hold, as no form would let in.
    """
    with transaction.atomic():
        request_sign_up(address, Choices(), Schedule(), origin=NOWHERE, now=datetime.now(UTC))
        if broken:
            strangers = Subscriber.objects.filter(address_key=address)
            strangers.update(address=f"{address}\nBcc: everybody@example.org")
        return Letter.objects.get(subscriber__address_key=address).pk


def _have_ended(letter_ids: list[int]) -> bool:
    """Say whether no letter waits any more. The back-off, which is minutes by design, is
    shortened.
    """
    waiting = Letter.objects.filter(pk__in=letter_ids, state=LetterState.WAITING)
    time.sleep(0.3)
    due = list(waiting.values_list("pk", flat=True))
    waiting.update(send_after=datetime.now(UTC))
    for letter_id in due:
        wake(letter_id)
    return _all_are(LetterState.FAILED, letter_ids)


def _all_are(state: LetterState, letter_ids: list[int]) -> bool:
    return not Letter.objects.filter(pk__in=letter_ids).exclude(state=state).exists()


def _mend() -> None:
    for stranger in Subscriber.objects.filter(address__contains="\n"):
        Subscriber.objects.filter(pk=stranger.pk).update(address=stranger.address_key)


def _send_again_at_the_desk(letter_ids: list[int]) -> None:
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.create_superuser("chief"))
    for letter_id in letter_ids:
        step = reverse("admin:subscriptions_letter_step", args=[letter_id, "send-again"])
        answered = client.post(step).status_code
        _must(answered == FOUND, f"the desk answered {answered}")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
