"""The beat's tasks: what one edition raises stops no other."""

from datetime import timedelta

import pytest

from newsletter import tasks
from newsletter.models import Alert, AlertKind, Edition, EditionState
from newsletter.sending import plan
from newsletter.sending.control import cancel_run
from tests.newsletter.world import DAY, FREEZE, a_frozen_edition, a_planned_edition, papers, readers

pytestmark = pytest.mark.django_db
EIGHT = FREEZE.replace(hour=8)


@pytest.fixture
def woken(monkeypatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(tasks, "wake", lambda batch_id, _at: found.append(batch_id))
    return found


@pytest.fixture
def due() -> Edition:
    papers(3)
    readers(2)
    return a_planned_edition()


@pytest.fixture
def unplannable(due, monkeypatch) -> Edition:
    """A frozen edition whose planning raises an exception."""
    readers_of = plan._readers
    edition = a_frozen_edition("weekly")

    def broken(asked):
        if asked.pk == edition.pk:
            raise ZeroDivisionError
        return readers_of(asked)

    monkeypatch.setattr(plan, "_readers", broken)
    return edition


def tick() -> None:
    tasks.tick(EIGHT.isoformat())


def test_what_is_due_is_woken_although_another_edition_cannot_be_planned(due, unplannable, woken):
    tick()
    assert woken == list(due.batches.values_list("pk", flat=True))
    unplannable.refresh_from_db()
    assert unplannable.state == EditionState.FROZEN
    assert not unplannable.batches.exists()


def test_another_edition_is_planned_and_woken_in_the_same_tick(unplannable, woken, settings):
    settings.CATCH_UP_HOURS = 48
    papers(2, first=50, day=DAY - timedelta(days=1))
    later = a_frozen_edition("daily", DAY - timedelta(days=1))
    tick()
    later.refresh_from_db()
    assert later.state == EditionState.SENDING
    assert set(later.batches.values_list("pk", flat=True)) < set(woken)
    assert len(woken) == len(set(woken)) == 2


def test_batches_that_are_due_are_woken_before_anything_is_planned(due, monkeypatch, woken):
    class OutOfMemory(BaseException):
        """Stands for the death of the process."""

    def killed(_now):
        raise OutOfMemory

    monkeypatch.setattr(tasks, "plan_frozen_editions", killed)
    with pytest.raises(OutOfMemory):
        tick()
    assert len(woken) == 1


def test_the_reason_is_kept_and_staff_are_asked_from_the_third_failure(unplannable, woken):
    for failures in (1, 2, 3):
        tick()
        alert = Alert.objects.get()
        assert (alert.edition, alert.kind, alert.failures) == (
            unplannable,
            AlertKind.PLANNING,
            failures,
        )
        assert Alert.objects.shown().exists() == (failures == 3)
    assert alert.reason.startswith("ZeroDivisionError at ")


def test_a_plan_that_works_at_last_ends_the_alert(unplannable, woken, monkeypatch):
    tick()
    monkeypatch.undo()
    monkeypatch.setattr(tasks, "wake", lambda *_arguments: None)
    tick()
    unplannable.refresh_from_db()
    assert unplannable.state == EditionState.SENDING
    assert not Alert.objects.standing().exists()


def test_a_cancelled_edition_asks_nobody(unplannable, woken):
    for _ in range(3):
        tick()
    cancel_run(unplannable.pk)
    assert not Alert.objects.standing().exists()
