"""What staff see of readers, and the three things they may do."""

import pytest

from newsletter.desk.masking import masked
from newsletter.desk.wishes import when, wishes
from subscriptions.models import Consent, Letter, Subscriber, Suppression, SuppressionReason
from subscriptions.suppression import is_suppressed, reasons_of, suppress
from tests.newsletter import world
from tests.newsletter.desk.pages import a_world, seen
from tests.subscriptions.readers import NOW, a_change

pytestmark = pytest.mark.django_db
LIST = "/desk/subscriptions/subscriber/"


def found_by(client, term: str) -> list[int]:
    return [reader.pk for reader in client.get(LIST, {"q": term}).context["cl"].result_list]


def test_no_list_shows_an_address(enter) -> None:
    found = a_world()
    client = enter("operators")
    for page in ("subscriptions/subscriber/", "subscriptions/letter/", "newsletter/delivery/", ""):
        assert "@example.org" not in client.get(f"/desk/{page}").content.decode(), page
    assert "r•••@e•••.org" in seen(client.get(LIST))
    assert found.readers


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@example.org", "a•••@e•••.org"),
        ("a@b.co.uk", "a•••@b•••.uk"),
        ("a@localhost", "a•••@l•••"),
        ("", "–"),
        ("x", "–"),
        ("@example.org", "•••@e•••.org"),
    ],
)
def test_a_masked_address_keeps_little(address, shown) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(
    "term", ["reader1@example.org", " Reader1@EXAMPLE.org ", "reader1@example.org."]
)
def test_the_whole_address_in_any_spelling_finds_its_reader(enter, term) -> None:
    reader = world.readers(2)[0]
    assert found_by(enter("operators"), term) == [reader.pk]


@pytest.mark.parametrize(
    "term",
    ["reader1", "@example.org", "reader%", "example", "reader1@", "9" * 30, "reader_@example.org"],
)
def test_a_part_of_an_address_finds_nobody(enter, term) -> None:
    world.readers(2)
    assert found_by(enter("operators"), term) == []


def test_a_number_finds_its_reader(enter) -> None:
    reader = world.readers(3)[1]
    assert found_by(enter("operators"), str(reader.pk)) == [reader.pk]


def test_an_address_the_reader_has_moved_from_finds_them(enter) -> None:
    reader, other = world.readers(2)
    for mover in (reader, other):
        a_change(
            mover,
            "bea@example.org",
            made_at=NOW,
            former=f"former{mover.pk}@example.org",
            former_key=f"former{mover.pk}@example.org",
        )
    assert found_by(enter("operators"), f"Former{reader.pk}@example.org") == [reader.pk]


@pytest.mark.parametrize(
    "lookup",
    [
        "address__startswith",
        "address_key__contains",
        "address",
        "address__regex",
        "address_changes__former__startswith",
    ],
)
def test_an_address_cannot_be_spelt_out_through_the_query_string(enter, lookup) -> None:
    world.readers(2)
    assert enter("chief").get(LIST, {lookup: "r"}).status_code in (302, 400)


def test_the_page_says_what_the_reader_chose_in_words(enter) -> None:
    profile = world.a_profile(
        phrases=("protein folding",),
        muted=("survey",),
        minimum_votes=5,
        balance=0,
        papers_per_digest=1,
    )
    reader = world.a_reader(profile=profile, cadence="weekdays", hour=7, timezone="Asia/Tokyo")
    text = seen(enter("operators").get(f"{LIST}{reader.pk}/change/"))
    for words in (
        "Graphs",
        "protein folding",
        "survey",
        "at least 5 votes",
        "only their topics",
        "1 paper a mail",
        "on weekdays at 07:00, Asia/Tokyo time",
    ):
        assert words in text


def test_a_topic_that_is_gone_is_named_by_its_number() -> None:
    profile = world.a_profile(topics=(999,))
    assert ("Topics", "topic 999") in wishes(profile)


def test_an_hour_is_written_with_two_digits() -> None:
    assert when(world.a_reader(hour=0)).endswith("at 00:00, UTC time")


def test_consents_are_shown_and_cannot_be_edited_anywhere(enter) -> None:
    found = a_world()
    client = enter("chief")
    page = client.get(f"{LIST}{found.readers[0].pk}/change/").content.decode()
    assert "confirmation link" in page
    assert "<textarea" not in page
    assert client.get("/desk/subscriptions/consent/").status_code == 404
    assert Consent.objects.count() == 2


def test_suppressing_stops_all_mail_to_the_address(enter) -> None:
    reader = world.a_reader()
    enter("operators").post(f"{LIST}{reader.pk}/step/suppress/")
    reader.refresh_from_db()
    assert reader.suppressed_at is not None
    assert is_suppressed(reader.address)
    assert Suppression.objects.get().reason == "staff"


def test_staff_see_why_an_address_is_suppressed_and_lift_a_bounce_alone(enter) -> None:
    reader = world.a_reader()
    suppress(reader.address, SuppressionReason.HARD_BOUNCE, now=NOW)
    suppress(reader.address, SuppressionReason.COMPLAINT, now=NOW)
    client = enter("operators")
    page = seen(client.get(f"{LIST}{reader.pk}/change/"))
    assert "the address does not exist" in page
    assert "the reader reported our mail as spam" in page
    client.post(f"{LIST}{reader.pk}/step/lift-bounces/")
    assert reasons_of(reader.address) == {"complaint"}
    reader.refresh_from_db()
    assert reader.suppressed_at is not None
    assert "Lift bounces" not in seen(client.get(f"{LIST}{reader.pk}/change/"))
    assert enter("editors").post(f"{LIST}{reader.pk}/step/lift-bounces/").status_code == 403


def test_a_preferences_link_goes_out_as_a_letter_and_not_twice_in_an_hour(enter) -> None:
    reader = world.a_reader()
    client = enter("operators")
    url = f"{LIST}{reader.pk}/step/send-preferences-link/"
    client.post(url)
    assert Letter.objects.get().state == "waiting"
    answer = client.post(url, follow=True)
    assert "No letter was sent" in " ".join(str(message) for message in answer.context["messages"])
    assert Letter.objects.filter(state="waiting").count() == 1


def test_an_erased_reader_shows_no_address_and_offers_no_step(enter) -> None:
    reader = world.a_reader()
    Subscriber.objects.filter(pk=reader.pk).update(state="erased", address="", address_key="gone")
    answer = enter("operators").get(f"{LIST}{reader.pk}/change/")
    assert answer.context["steps"] == []
    assert "example.org" not in answer.content.decode()


def test_a_suppression_is_found_by_the_exact_address_though_only_a_hash_is_kept(enter) -> None:
    reader = world.a_reader()
    client = enter("operators")
    client.post(f"{LIST}{reader.pk}/step/suppress/")
    url = "/desk/subscriptions/suppression/"
    assert client.get(url, {"q": "READER1@example.org"}).context["cl"].result_count == 1
    assert client.get(url, {"q": "reader1"}).context["cl"].result_count == 0
    assert client.get(url, {"q": "other@example.org"}).context["cl"].result_count == 0
