"""A failing batch is shown with its reason, and a person may have it tried again."""

import pytest
import time_machine

from newsletter.models import Alert, AlertKind, Batch
from tests.newsletter import world
from tests.newsletter.desk.pages import a_world, seen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(world.NOON, tick=False):
        yield


@pytest.fixture
def batch() -> Batch:
    batch = a_world().frozen.batches.get()
    Batch.objects.filter(pk=batch.pk).update(
        failures=3,
        failure_reason="UnreadableBytes: made by another version",
        send_after=world.NOON.replace(hour=13),
    )
    batch.refresh_from_db()
    return batch


def url(batch: Batch) -> str:
    return f"/desk/newsletter/batch/{batch.pk}"


def test_its_page_says_how_often_it_failed_and_why(enter, batch) -> None:
    text = seen(enter("operators").get(f"{url(batch)}/change/"))
    assert "Failed 3 times in a row: UnreadableBytes: made by another version" in text
    assert "2026-01-14 13:00:00 UTC" in text


def test_a_healthy_batch_has_no_step(enter, batch) -> None:
    Batch.objects.update(failures=0, failure_reason="")
    page = enter("operators").get(f"{url(batch)}/change/")
    assert page.context["steps"] == []
    assert "Failed" not in seen(page)


def test_trying_again_makes_it_due_at_once(enter, batch) -> None:
    enter("operators").post(f"{url(batch)}/step/try-again/")
    batch.refresh_from_db()
    assert (batch.failures, batch.failure_reason, batch.send_after) == (0, "", world.NOON)


@pytest.mark.parametrize("state", ["done", "late", "cancelled"])
def test_what_is_over_is_not_tried_again(enter, batch, state) -> None:
    Batch.objects.update(state=state)
    enter("operators").post(f"{url(batch)}/step/try-again/")
    batch.refresh_from_db()
    assert (batch.state, batch.failures) == (state, 3)


def test_the_editions_step_tries_all_of_its_failing_batches_again(enter, batch) -> None:
    other = batch.edition.batches.create(
        slot_at=world.NOON, send_after=world.NOON, failures=1, failure_reason="KeyError"
    )
    client = enter("operators")
    client.post(f"/desk/newsletter/edition/{batch.edition_id}/step/retry-failed/")
    assert set(Batch.objects.values_list("failures", flat=True)) == {0}
    assert "0 failed deliveries, 2 failing batches" in seen(
        client.get(f"/desk/newsletter/edition/{batch.edition_id}/change/")
    )
    assert other.pk


def test_the_list_narrows_to_those_that_fail(enter, batch) -> None:
    batch.edition.batches.create(slot_at=world.NOON, send_after=world.NOON)
    page = enter("operators").get("/desk/newsletter/batch/?fails=yes")
    assert [found.pk for found in page.context["cl"].queryset] == [batch.pk]


def test_the_editions_page_tells_what_keeps_it_from_going_on(enter, batch) -> None:
    Alert.objects.note(batch.edition_id, AlertKind.BOOKS, "due 2, sent 1")
    Alert.objects.note(batch.edition_id, AlertKind.BATCHES, "KeyError")
    Alert.objects.note(batch.edition_id, AlertKind.BATCHES, "KeyError")
    text = seen(enter("editors").get(f"/desk/newsletter/edition/{batch.edition_id}/change/"))
    assert "Books do not balance: due 2, sent 1" in text
    assert "Batches cannot be sent: KeyError (2 times in a row)" in text
