"""The readers and the edition of an experiment, and what became of them."""

from collections import Counter
from datetime import UTC, datetime

from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection

from newsletter.editions import freeze, open_edition
from newsletter.models import Delivery, DeliveryStatus, Edition, EditionState
from newsletter.sending.books import books
from subscriptions.models import Subscriber
from tests.faults.findings import Findings
from tests.newsletter import world


def start_afresh(count: int) -> Edition:
    """Empty the database and freeze an edition for so many readers whose slot has just passed; the scheduler plans it."""
    call_command("flush", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    world.papers(12, day=now.date())
    profile = world.a_profile(now)
    Subscriber.objects.bulk_create(
        Subscriber(
            address=f"reader{number}@example.org",
            address_key=f"reader{number}@example.org",
            state="active",
            created_at=now,
            confirmed_at=now,
            hour=now.hour,
            timezone="UTC",
            profile=profile,
        )
        for number in range(count)
    )
    edition = open_edition("daily", now.date(), now)
    Edition.objects.filter(pk=edition.pk).update(nominal_at=now.replace(minute=0, second=0, microsecond=0))
    assert freeze(edition.pk, now)
    return edition


def is_done(edition: Edition) -> bool:
    """Say whether the books are closed; a database that recovers from its crash just now cannot tell, so not yet."""
    try:
        return _is_done(edition)
    except (OperationalError, InterfaceError):
        connection.close()
        return False


def _is_done(edition: Edition) -> bool:
    return Edition.objects.filter(pk=edition.pk, state=EditionState.DONE).exists()


def findings(edition: Edition, accepted: Counter[str], recovery: float, *, gone: set[str] | None = None, actions: int = 0) -> Findings:
    """Compare what the provider accepted with what the books say."""
    address = dict(Subscriber.objects.values_list("pk", "address_key"))
    status = {address[pk]: status for pk, status in Delivery.objects.filter(edition=edition).values_list("subscriber_id", "status")}
    account = books(edition)
    says_sent = {key for key, value in status.items() if value == DeliveryStatus.SENT}
    excused = {DeliveryStatus.UNCERTAIN, DeliveryStatus.SKIPPED, DeliveryStatus.SUPPRESSED, DeliveryStatus.FAILED}
    return Findings(
        due=account.due,
        lost=sum(not accepted[key] for key in address.values() if status.get(key) not in excused) + len(says_sent - accepted.keys()),
        duplicate=sum(count - 1 for count in accepted.values() if count > 1),
        uncertain=account.uncertain,
        failed=account.failed,
        wrong=sum(accepted[key] for key in gone or ()),
        recovery=recovery,
        operator_actions=actions,
        balanced=account.balanced and not account.open,
    )
