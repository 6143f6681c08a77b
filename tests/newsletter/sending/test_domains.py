"""Recipients' domains are paced by themselves and spared when they refuse."""

from datetime import timedelta

import pytest

from newsletter.models import Edition
from newsletter.sending import ration
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.plan import plan_edition
from newsletter.sending.run import REFUSALS_OF_A_DOMAIN
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import Transient
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import a_frozen_edition, a_profile, a_reader, papers

pytestmark = pytest.mark.django_db


@pytest.fixture
def slow(request) -> str:
    """A domain for each test: Redis remembers what another one has taken."""
    return f"slow{len(request.node.name)}.example"


@pytest.fixture
def edition(settings, slow) -> Edition:
    settings.DOMAIN_RATES = {slow: 2.0}
    papers(6)
    profile = a_profile()
    for number in range(10):
        a_reader(number, address=f"a{number}@{slow}", profile=profile)
        a_reader(number, address=f"b{number}@quick.example", profile=profile)
    edition = a_frozen_edition()
    plan_edition(edition.pk, edition.nominal_at)
    edition.refresh_from_db()
    return edition


@pytest.fixture
def clock(edition, monkeypatch) -> HandClock:
    clock = HandClock(next_instant(edition))
    monkeypatch.setattr(ration, "LONGEST_WAIT", timedelta(seconds=5))
    monkeypatch.setattr(
        ration.time, "sleep", lambda seconds: clock.forward(seconds=seconds + 0.001)
    )
    return clock


def sending_time(edition, clock, mailbox) -> dict[str, timedelta]:
    """Send everything, and return how long each domain's batches took."""
    took = {}
    for batch_id in due_batches(clock()):
        began, domain = clock(), edition.batches.get(pk=batch_id).domain
        send_batch(batch_id, clock, mailbox)
        took[domain] = clock() - began
    return took


def test_a_paced_domain_takes_its_time_and_holds_up_nobody_else(edition, clock, slow):
    mailbox = Mailbox()
    took = sending_time(edition, clock, mailbox)
    assert set(took) == {"", slow}
    assert len(mailbox.accepted) == 20
    assert took[""] < timedelta(seconds=1)
    assert took[slow] > timedelta(seconds=4)


def test_what_a_paced_batch_leaves_stays_paced(edition, clock, slow):
    sending_time(
        edition,
        clock,
        Mailbox(lambda _, mail: Transient("451 later") if mail.address.startswith("a1") else None),
    )
    assert edition.batches.get(state="planned").domain == slow


def test_a_domain_that_refuses_again_and_again_is_left_alone_for_now(edition, clock, slow):
    mailbox = Mailbox(
        lambda _, mail: Transient("451 4.7.0 too many") if mail.address.endswith(slow) else None
    )
    sending_time(edition, clock, mailbox)
    assert mailbox.tried == 10 + REFUSALS_OF_A_DOMAIN
    assert (books(edition).sent, books(edition).deferred) == (10, 10)
