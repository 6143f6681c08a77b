"""The readers and the edition of an experiment, and what became of them."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection

from bench.world import add_readers, make_world
from newsletter.editions import freeze, open_edition
from newsletter.models import (
    AFTER_FREEZE,
    Delivery,
    DeliveryStatus,
    Edition,
    EditionCadence,
    EditionState,
)
from newsletter.sending.books import books
from newsletter.sending.plan import plan_edition
from subscriptions.models import Subscriber
from tests.faults.findings import Findings
from tests.newsletter import world
from tests.newsletter.poison import POISONS

ACCOUNTED_FOR = (
    DeliveryStatus.UNCERTAIN,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.FAILED,
    DeliveryStatus.LATE,
)
"""Staff see why the provider has not accepted these, or that nobody knows whether it has."""


DAMAGE = b"damaged"


def start_afresh(count: int, *, hours_ago: int = 0) -> None:
    """Empty the database and freeze an edition for so many readers, whose slot was some hours
    ago or has just passed.
    """
    call_command("flush", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    slot_at = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    world.papers(12, day=now.date())
    profile = world.a_profile(now)
    Subscriber.objects.bulk_create(
        Subscriber(
            address=f"reader{number}@example.org",
            address_key=f"reader{number}@example.org",
            state="active",
            created_at=now,
            confirmed_at=now,
            hour=slot_at.hour,
            timezone="UTC",
            profile=profile,
        )
        for number in range(count)
    )
    edition = open_edition("daily", now.date(), now)
    Edition.objects.filter(pk=edition.pk).update(nominal_at=slot_at)
    assert freeze(edition.pk, now)


def planned_before_an_outage(count: int, *, hours_ago: int) -> None:
    """Plan the edition before its readers' slot, and let so many hours pass in which nothing
    runs.
    """
    start_afresh(count, hours_ago=hours_ago)
    edition = Edition.objects.get()
    plan_edition(edition.pk, edition.nominal_at - timedelta(minutes=10))


def with_poisoned_readers(count: int) -> None:
    """Poison some readers all over the edition's batches, each in another way."""
    start_afresh(count)
    everybody = list(Subscriber.objects.order_by("pk"))
    for place, poison in enumerate(POISONS.values()):
        poison(everybody[place * count // len(POISONS)])


def with_an_unreadable_edition(count: int) -> None:
    """Damage the frozen statistics, so that no batch can be claimed until they are mended."""
    start_afresh(count)
    edition = Edition.objects.get()
    Edition.objects.update(statistics=DAMAGE + bytes(edition.statistics))


def mend_the_edition() -> None:
    edition = Edition.objects.get()
    Edition.objects.update(statistics=bytes(edition.statistics).removeprefix(DAMAGE))


def thirty_topics(count: int) -> None:
    """Freeze an edition of two hundred papers for readers who want two to six of thirty topics
    each.
    """
    call_command("flush", interactive=False, verbosity=0)
    edition = make_world(topics=30, papers=200)
    add_readers(count)
    now = datetime.now(UTC)
    Edition.objects.filter(pk=edition.pk).update(
        nominal_at=now.replace(minute=0, second=0, microsecond=0)
    )
    Subscriber.objects.update(hour=now.hour)


def is_done() -> bool:
    """Say whether all books are closed; a database that recovers from its crash just now cannot
    tell, so not yet.
    """
    try:
        states = set(Edition.objects.filter(state__in=AFTER_FREEZE).values_list("state", flat=True))
    except (OperationalError, InterfaceError):
        connection.close()
        return False
    return states == {EditionState.DONE}


def addresses() -> dict[int, str]:
    """Return the readers by their ids as they are now: later some may be erased, and strangers
    may come.
    """
    return dict(Subscriber.objects.values_list("pk", "address_key"))


def findings(
    readers: Mapping[int, str], accepted: Counter[str], recovery: float, *, gone: set[str]
) -> Findings:
    """Compare what the provider accepted with what the books say. Every reader wants every daily
    edition.
    """
    editions = list(
        Edition.objects.defer("statistics").filter(
            state__in=AFTER_FREEZE, cadence=EditionCadence.DAILY
        )
    )
    rows = Counter(Delivery.objects.values_list("subscriber_id", flat=True))
    excused = Counter(
        Delivery.objects.filter(status__in=ACCOUNTED_FOR).values_list("subscriber_id", flat=True)
    )
    accounts = [books(edition) for edition in editions]
    return Findings(
        due=sum(account.due for account in accounts),
        lost=sum(
            max(0, len(editions) - accepted[address] - excused[pk])
            for pk, address in readers.items()
        ),
        duplicate=sum(
            max(0, accepted[address] - max(1, rows[pk])) for pk, address in readers.items()
        ),
        uncertain=sum(account.uncertain for account in accounts),
        failed=sum(account.failed for account in accounts),
        late=sum(account.late for account in accounts),
        wrong=sum(accepted[address] for address in gone),
        recovery=recovery,
        # Nobody plays staff in an experiment: what an error has paused still waits for them.
        operator_actions=sum(edition.paused_at is not None for edition in editions),
        balanced=all(account.balanced and not account.open for account in accounts),
    )
