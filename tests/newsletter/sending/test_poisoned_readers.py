"""A reader for whom choosing a digest raises an exception fails alone; what concerns everybody
goes on up.
"""

from itertools import cycle

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, InterfaceError, OperationalError

from newsletter.models import BatchState, Delivery, Edition, EditionState
from newsletter.ranking.packing import UnreadableBytes
from newsletter.sending import choosing
from newsletter.sending.books import books
from newsletter.sending.choosing import ALL_FAILED
from newsletter.sending.claim import claim
from newsletter.sending.control import retry_failed
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.sender import send_batch
from newsletter.sending.sweep import sweep
from newsletter.sending.transports import Throttled
from subscriptions.models import Subscriber
from tests.newsletter.poison import POISONS, SECRET, a_taste, with_profile
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import a_planned_edition, a_profile, papers, readers

pytestmark = pytest.mark.django_db
READERS = 10
"""One for each kind of poison."""


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(READERS)
    return a_planned_edition()


@pytest.fixture
def clock(edition) -> HandClock:
    return HandClock(next_instant(edition))


@pytest.fixture
def ranked(monkeypatch) -> list[int]:
    """For how many readers each call of the ranking was."""
    sizes: list[int] = []
    really = choosing.rank

    def rank(statistics, profiles, excluded, matches):
        sizes.append(len(profiles))
        return really(statistics, profiles, excluded, matches)

    monkeypatch.setattr(choosing, "rank", rank)
    return sizes


def send_due(clock: HandClock, mailbox: Mailbox) -> None:
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)


def some(count: int, first: int = 0) -> list[Subscriber]:
    return list(Subscriber.objects.order_by("pk")[first : first + count])


def statuses(edition) -> dict[str, int]:
    account = books(edition)
    assert account.balanced
    return {name: count for name, count in account.lines() if count and name != "due"}


def is_done(edition, clock) -> bool:
    sweep(clock())
    edition.refresh_from_db()
    return edition.state == EditionState.DONE


@pytest.mark.parametrize(("place", "poison"), list(enumerate(POISONS.values())), ids=list(POISONS))
def test_a_poisoned_reader_fails_alone_with_a_reason_and_the_others_get_their_mail(
    edition, clock, place, poison
):
    [poisoned] = some(1, first=place)
    poison(poisoned)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS - 1, "failed": 1}
    assert poisoned.address not in mailbox.addresses
    assert set(mailbox.addresses.values()) == {1}
    failed = Delivery.objects.get(status="failed")
    assert failed.subscriber_id == poisoned.pk
    assert failed.reason.startswith("could not be chosen: ")
    assert failed.settled_at == clock()
    assert is_done(edition, clock)


def test_many_poisons_in_one_batch_fail_each_with_its_own_reason(edition, clock):
    poisoned = some(READERS - 2, first=1)
    for reader, poison in zip(poisoned, cycle(POISONS.values()), strict=False):
        poison(reader)
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": 2, "failed": READERS - 2}
    reasons = set(Delivery.objects.filter(status="failed").values_list("reason", flat=True))
    assert any("UnreadableTaste: taste version 2" in reason for reason in reasons)
    assert any("OverflowError at newsletter/ranking/readers.py:" in reason for reason in reasons)
    assert is_done(edition, clock)


def test_the_reason_quotes_neither_profile_nor_address(edition, clock):
    [poisoned] = some(1)
    with_profile(poisoned, topics=[SECRET, poisoned.address])
    send_due(clock, Mailbox())
    reason = Delivery.objects.get(status="failed").reason
    assert "ValueError at newsletter/ranking/" in reason
    assert SECRET not in reason
    assert "@" not in reason


def test_a_healthy_batch_is_ranked_once(edition, clock, ranked):
    send_due(clock, Mailbox())
    assert ranked == [READERS]


def test_a_poisoned_reader_is_found_by_halving(edition, clock, ranked):
    [poisoned] = some(1)
    with_profile(poisoned, taste=b"no taste")
    send_due(clock, Mailbox())
    assert ranked == [10, 5, 2, 1, 1, 3, 5]


def test_a_batch_of_poisoned_readers_alone_is_settled(edition, clock):
    for reader in some(READERS):
        with_profile(reader, taste=a_taste(version=2))
    send_due(clock, Mailbox())
    assert statuses(edition) == {"failed": READERS}
    assert is_done(edition, clock)


def test_where_nothing_can_be_chosen_for_many_the_fault_is_not_the_readers():
    papers(3)
    readers(ALL_FAILED)
    edition = a_planned_edition()
    for reader in some(ALL_FAILED):
        with_profile(reader, taste=a_taste(version=2))
    batch = edition.batches.get()
    with pytest.raises(ValueError, match="version 2"):
        claim(batch.pk, HandClock(batch.send_after))
    assert not Delivery.objects.exists()
    batch.refresh_from_db()
    assert (batch.state, len(batch.subscriber_ids)) == (BatchState.PLANNED, ALL_FAILED)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the connection is gone"),
        InterfaceError("closed"),
        IntegrityError("twice"),
        MemoryError(),
        SoftTimeLimitExceeded(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_database_or_the_process_is_no_readers_fault(
    edition, clock, monkeypatch, error
):
    def rank(*_given):
        raise error

    monkeypatch.setattr(choosing, "rank", rank)
    [batch_id] = due_batches(clock())
    with pytest.raises(type(error)):
        claim(batch_id, clock)
    assert not Delivery.objects.exists()


def test_an_edition_whose_statistics_cannot_be_read_fails_no_reader(edition, clock):
    Edition.objects.filter(pk=edition.pk).update(statistics=b"made by another version")
    [batch_id] = due_batches(clock())
    with pytest.raises(UnreadableBytes):
        claim(batch_id, clock)
    assert not Delivery.objects.exists()


def test_a_reader_poisoned_while_their_digest_waits_fails_alone(edition, clock):
    mailbox = Mailbox(lambda number, _: Throttled("429", 60) if number == 2 else None)
    send_due(clock, mailbox)
    waiting = Delivery.objects.filter(status="deferred").order_by("pk").first().subscriber
    with_profile(waiting, taste=b"no taste")
    clock.forward(minutes=10)
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS - 1, "failed": 1}
    assert waiting.address not in mailbox.addresses


def test_a_reader_whose_profile_was_mended_is_sent_their_digest_by_a_retry(edition, clock):
    [poisoned] = some(1)
    with_profile(poisoned, taste=b"no taste")
    mailbox = Mailbox()
    send_due(clock, mailbox)
    assert retry_failed(edition.pk, clock()) == 1
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS - 1, "failed": 1}
    Subscriber.objects.filter(pk=poisoned.pk).update(profile=a_profile())
    retry_failed(edition.pk, clock())
    send_due(clock, mailbox)
    assert statuses(edition) == {"sent": READERS}
    assert mailbox.addresses[poisoned.address] == 1
