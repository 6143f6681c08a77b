"""A reader's whole way in a real browser: sign up, mail, confirm, digest, unsubscribe."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from newsletter.models import Delivery, DeliveryStatus
from subscriptions.links import preferences_url
from subscriptions.models import Subscriber, SubscriberState
from tests.newsletter import world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_newest_mail(page):
    """Open the newest mail of the outbox. Its links are pressed by the Enter key: a click beside
    a frame that still loads may be lost.
    """
    page.goto("/outbox/")
    page.locator("table.mails a").first.click()


def sign_up(page):
    page.goto("/")
    page.get_by_label("Email address").fill("Ada@example.org")
    page.get_by_label("Graphs", exact=True).check()
    page.get_by_label("At", exact=True).select_option("06:00")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")


def test_a_chosen_utc_survives_a_mistake_elsewhere_in_the_form(open_page, edition):
    page = open_page()
    page.goto("/sign-up/")
    zone = page.get_by_label("Time zone")
    expect(zone).to_have_value("Asia/Tokyo")
    zone.select_option("UTC")
    page.get_by_label("Email address").fill("ada@")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(zone).to_have_value("UTC")


def test_from_signing_up_to_leaving(open_page, edition, work):
    page = open_page()
    sign_up(page)
    reader = Subscriber.objects.get()
    assert reader.sign_ups.get().timezone == "Asia/Tokyo"

    work()
    open_newest_mail(page)
    page.frame_locator("iframe.mail").get_by_role("link", name="Confirm my subscription").press(
        "Enter"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("One press and you are a reader")
    assert Subscriber.objects.get().state == SubscriberState.PENDING
    page.get_by_role("button", name="Confirm my subscription").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are a reader now")

    work()
    delivery = Delivery.objects.get()
    assert delivery.status == DeliveryStatus.SENT
    assert delivery.papers
    open_newest_mail(page)
    mail = page.frame_locator("iframe.mail")
    titles = list(
        edition.candidates.filter(paper__in=delivery.papers).values_list("paper__title", flat=True)
    )
    for title in titles:
        expect(mail.get_by_role("link", name=title).first).to_be_attached()

    unsubscribe = page.locator("table.headers tr", has_text="List-Unsubscribe").first.inner_text()
    leave = re.search(r"<(\S+/u/\S+)>", unsubscribe)[1]
    page.goto(leave)
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left")
    assert Subscriber.objects.get().state == SubscriberState.UNSUBSCRIBED

    page.get_by_role("button", name="take me back").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Good to have you back")
    assert Subscriber.objects.get().state == SubscriberState.ACTIVE


def test_every_link_of_a_digest_leads_somewhere_and_changes_nothing(open_page, edition, work, site):
    page = open_page()
    sign_up(page)
    work()
    open_newest_mail(page)
    page.locator("pre.text a[href*='/c/']").press("Enter")
    page.get_by_role("button", name="Confirm my subscription").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are a reader now")
    work()
    open_newest_mail(page)
    anchors = page.frame_locator("iframe.mail").locator("a")
    expect(anchors.last).to_be_attached()  # evaluate_all does not wait for the frame
    links = anchors.evaluate_all("links => links.map(link => link.href)")
    own = [link for link in links if link.startswith(site)]
    assert {link.removeprefix(site)[:3] for link in own} >= {"/u/", "/p/"}
    before = list(Subscriber.objects.values())
    for link in own:
        assert page.goto(link).status == 200
    assert list(Subscriber.objects.values()) == before


def test_everything_works_without_javascript(open_page, edition, work):
    page = open_page(java_script_enabled=False)
    sign_up(page)
    assert Subscriber.objects.get().sign_ups.get().timezone == "UTC"
    work()
    open_newest_mail(page)
    page.locator("pre.text a[href*='/c/']").press("Enter")
    page.get_by_role("button", name="Confirm my subscription").click()
    assert Subscriber.objects.get().state == SubscriberState.ACTIVE


def test_preferences_are_changed_by_keyboard_alone(open_page, edition, work):
    reader = world.a_reader(profile=world.a_profile(papers_per_digest=5))
    page = open_page()
    page.goto(preferences_url(reader.pk, datetime.now(UTC)))
    page.get_by_label("Papers in a digest").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved")
    reader.refresh_from_db()
    assert reader.profile.papers_per_digest == 6


def test_a_reader_moves_to_another_address(open_page, edition, work):
    reader = world.a_reader()
    page = open_page()
    page.goto(preferences_url(reader.pk, datetime.now(UTC)))
    page.get_by_label("New address").fill("Bea@example.org")
    page.get_by_role("button", name="Send it to another address").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your new mailbox")

    work()
    open_newest_mail(page)
    page.locator("pre.text a[href*='/n/']").press("Enter")
    page.get_by_role("button", name="Use this address").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your address is changed")
    reader.refresh_from_db()
    assert reader.address == "Bea@example.org"
