"""The command `steer` does what the desk can do to a run."""

import pytest
from django.core.management import CommandError, call_command

from newsletter.models import Candidate, DeliveryStatus, Edition, EditionState, Strike
from newsletter.sending.books import books
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.sender import send_batch
from newsletter.sending.transports import PermanentForReader, Uncertain
from tests.newsletter.sending.ways_out import HandClock, Mailbox
from tests.newsletter.world import a_planned_edition, a_reader, papers, readers

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition() -> Edition:
    papers(6)
    readers(4)
    return a_planned_edition()


@pytest.fixture
def name(edition) -> str:
    return str(edition.pk)


def sent(edition, script) -> None:
    clock = HandClock(next_instant(edition))
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, Mailbox(script))


def test_a_run_is_paused_and_goes_on(edition, name, capsys):
    call_command("steer", name, "pause", "--because", "a wrong note")
    edition.refresh_from_db()
    assert edition.paused_reason == "a wrong note"
    call_command("steer", name, "status")
    assert "Paused: a wrong note" in capsys.readouterr().out
    call_command("steer", name, "resume")
    edition.refresh_from_db()
    assert edition.paused_at is None


def test_a_cancelled_run_stays_cancelled(edition, name):
    call_command("steer", name, "cancel", "--because", "wrong day")
    edition.refresh_from_db()
    assert edition.state == EditionState.CANCELLED
    with pytest.raises(CommandError, match="Only an edition"):
        call_command("steer", name, "cancel", "--because", "again")


def test_failed_ones_are_planned_again_and_nothing_else(edition, name, capsys):
    sent(edition, lambda number, _: PermanentForReader("550") if number < 2 else None)
    call_command("steer", name, "retry")
    assert "2 failed" in capsys.readouterr().out
    assert (books(edition).deferred, books(edition).sent) == (2, 2)


@pytest.mark.parametrize(
    ("found", "status"), [("--arrived", DeliveryStatus.SENT), ("--again", DeliveryStatus.DEFERRED)]
)
def test_uncertain_ones_are_listed_and_settled_by_number(edition, name, capsys, found, status):
    sent(edition, lambda number, _: Uncertain("no answer") if number == 1 else None)
    delivery = edition.deliveries.get(status=DeliveryStatus.UNCERTAIN)
    call_command("steer", name, "status")
    assert f"Uncertain: {delivery.pk}" in capsys.readouterr().out
    call_command("steer", name, "settle", str(delivery.pk), found)
    delivery.refresh_from_db()
    assert delivery.status == status


def test_a_paper_is_struck_with_its_reason(edition, name):
    paper = Candidate.objects.filter(edition=edition).first().paper_id
    call_command("steer", name, "strike", str(paper), "--because", "withdrawn")
    assert Strike.objects.get().reason == "withdrawn"


def test_a_run_at_another_time_leaves_other_editions_alone(edition, name):
    """Two days on, every batch of every edition would be late."""
    a_reader(9, cadence="weekly")
    weekly = a_planned_edition("weekly")
    call_command("run", name, "--now", "2026-01-16T12:00:00Z")
    assert books(edition).late == 4
    assert books(weekly).planned == 1


def test_an_unknown_edition_is_named(db):
    with pytest.raises(CommandError, match="daily/2020-01-01"):
        call_command("steer", "daily/2020-01-01", "resume")
