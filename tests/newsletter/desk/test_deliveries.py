"""What a delivery's page explains, and how a person settles an uncertain one."""

import pytest

from newsletter.desk.deliveries import mailed_papers
from newsletter.models import Delivery, Edition
from newsletter.sending.explaining import explanations
from newsletter.sending.frozen import forget
from subscriptions.models import Subscriber
from tests.newsletter import world
from tests.newsletter.desk.pages import a_world, seen
from tests.newsletter.poison import a_taste, with_profile

pytestmark = pytest.mark.django_db


def url(delivery: Delivery) -> str:
    return f"/desk/newsletter/delivery/{delivery.pk}"


def test_each_paper_comes_with_its_stored_parts_their_sum_and_its_reasons(enter) -> None:
    found = a_world()
    delivery = found.deliveries[0]
    text = seen(enter("operators").get(f"{url(delivery)}/change/"))
    for row in mailed_papers(delivery, explanations(delivery)):
        assert row.paper.title in text
        assert str(sum(delivery.parts[row.place - 1])) in text
        assert all(reason.text in text for reason in row.again.reasons)


def test_parts_that_were_tampered_with_are_told(enter) -> None:
    found = a_world()
    delivery = found.deliveries[0]
    assert all(row.agrees for row in mailed_papers(delivery, explanations(delivery)))
    assert "differs" not in seen(enter("operators").get(f"{url(delivery)}/change/"))
    delivery.parts[0][0] += 1
    delivery.save(update_fields=["parts"])
    assert [row.agrees for row in mailed_papers(delivery, explanations(delivery))] == [False, True]
    assert "differs" in seen(enter("operators").get(f"{url(delivery)}/change/"))


def test_a_delivery_without_papers_says_why(enter) -> None:
    found = a_world()
    Delivery.objects.filter(pk=found.deliveries[0].pk).update(
        papers=[], parts=[], profile=None, status="skipped", reason="paused"
    )
    text = seen(enter("operators").get(f"{url(found.deliveries[0])}/change/"))
    assert "paused" in text
    assert "No papers." in text


def test_an_uncertain_delivery_that_arrived_counts_as_sent(enter) -> None:
    found = a_world()
    Delivery.objects.update(status="uncertain", reason="the worker stopped")
    enter("operators").post(f"{url(found.deliveries[0])}/step/arrived/")
    assert list(Delivery.objects.order_by("position").values_list("status", flat=True)) == [
        "sent",
        "uncertain",
    ]


def test_one_that_did_not_arrive_is_planned_again(enter) -> None:
    found = a_world()
    Delivery.objects.update(status="uncertain", reason="the worker stopped")
    enter("operators").post(f"{url(found.deliveries[0])}/step/send-again/")
    again = Delivery.objects.get(pk=found.deliveries[0].pk)
    assert again.status == "deferred"
    assert again.batch.state == "planned"


@pytest.mark.parametrize("status", ["sent", "skipped", "failed", "late"])
def test_only_an_uncertain_delivery_can_be_settled_by_hand(enter, status) -> None:
    found = a_world()
    Delivery.objects.update(status=status, reason="why")
    client = enter("operators")
    assert client.get(f"{url(found.deliveries[0])}/change/").context["steps"] == []
    client.post(f"{url(found.deliveries[0])}/step/send-again/")
    assert set(Delivery.objects.values_list("status", flat=True)) == {status}


def test_the_list_narrows_to_an_edition_and_a_status(enter) -> None:
    found = a_world()
    Delivery.objects.filter(pk=found.deliveries[0].pk).update(
        status="uncertain", reason="the worker stopped"
    )
    client = enter("operators")
    for query, count in (
        (f"edition={found.frozen.pk}", 2),
        (f"edition={found.open.pk}", 0),
        ("edition=x", 0),
        ("status__exact=uncertain", 1),
    ):
        assert (
            client.get(f"/desk/newsletter/delivery/?{query}").context["cl"].result_count == count
        ), query


def test_the_page_needs_no_worker_memory(enter) -> None:
    found = a_world()
    forget()
    assert enter("operators").get(f"{url(found.deliveries[0])}/change/").status_code == 200
    assert world.a_topic()


@pytest.mark.parametrize("what", ["taste", "statistics"])
def test_a_delivery_that_cannot_be_computed_again_is_shown_with_the_reason(enter, what) -> None:
    found = a_world()
    delivery = found.deliveries[0]
    if what == "taste":
        with_profile(delivery.subscriber, taste=a_taste(version=2))
        reader = Subscriber.objects.get(pk=delivery.subscriber_id)
        Delivery.objects.filter(pk=delivery.pk).update(profile=reader.profile_id)
    else:
        Edition.objects.filter(pk=found.frozen.pk).update(statistics=b"made by another version")
        forget()
    text = seen(enter("operators").get(f"{url(delivery)}/change/"))
    assert "They cannot be computed again: Unreadable" in text
    assert found.papers[0].title in text
    assert "not known" in text
