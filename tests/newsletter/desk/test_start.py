"""The start page says what needs a person."""

import pytest
import time_machine

from ingest.models import Fetch
from newsletter.models import Alert, AlertKind, Batch, Delivery, Edition
from tests.newsletter import world
from tests.newsletter.desk.pages import a_delivery, a_world, seen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(world.NOON, tick=False):
        yield


def calls(client) -> list[str]:
    return [call.text for call in client.get("/desk/").context["calls"]]


def test_a_quiet_day_says_so(enter) -> None:
    assert "Nothing. All is in order." in seen(enter("chief").get("/desk/"))


def test_what_waits_is_counted_in_words_and_leads_to_it(enter) -> None:
    found = a_world()
    Edition.objects.filter(pk=found.open.pk).update(state="held", held_reason="no source answered")
    Delivery.objects.update(status="uncertain", reason="the worker stopped")
    Fetch.objects.create(
        source=world.a_source(), origin="x", started_at=world.NOON, status="failed", error="503"
    )
    batch = found.frozen.batches.get()
    Batch.objects.filter(pk=batch.pk).update(failures=3, failure_reason="KeyError")
    Alert.objects.note(found.frozen.pk, AlertKind.BATCHES, "KeyError")
    Alert.objects.note(found.frozen.pk, AlertKind.BOOKS, "due 2, sent 1")
    a_delivery(
        found.frozen, world.a_reader(9), [], status="failed", reason="could not be chosen: KeyError"
    )
    a_delivery(found.frozen, world.a_reader(10), [], status="failed", reason="550 no such user")
    client = enter("chief")
    assert calls(client) == [
        "1 edition held",
        "1 edition cannot go on",
        "1 batch fails again and again",
        "2 deliveries uncertain in the newest editions",
        "1 digest of the newest editions could not be made",
        "1 fetch failed in three days",
        "1 entry rejected in three days",
    ]
    for call in client.get("/desk/").context["calls"]:
        assert client.get(call.url).context["cl"].result_count >= 1, call


def test_old_troubles_are_history(enter) -> None:
    a_world()
    Fetch.objects.update(started_at=world.NOON - 2 * (world.NOON - world.FREEZE) * 12)
    assert calls(enter("chief")) == []


def test_the_newest_edition_comes_first_with_its_state(enter) -> None:
    found = a_world()
    newest = world.open_edition("daily", world.date(2026, 1, 15), world.NOON)
    page = enter("editors").get("/desk/")
    assert next(iter(page.context["editions"])) == newest
    assert f"{found.frozen} sending" in seen(page)


def test_each_group_sees_its_part_alone(enter) -> None:
    a_world()
    assert enter("editors").get("/desk/").context["readers"] is None
    readers = {
        state: number for state, number, _url in enter("operators").get("/desk/").context["readers"]
    }
    assert readers["active"] == 2
    nobody = enter("nobody").get("/desk/")
    assert (
        nobody.context["editions"],
        nobody.context["readers"],
        nobody.context["fetches"],
        nobody.context["calls"],
    ) == (
        None,
        None,
        None,
        [],
    )
    assert "belongs to no group yet" in seen(nobody)
