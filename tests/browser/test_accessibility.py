"""Every page is usable by everyone: no serious fault by axe, in light and dark, on a desk and on
a phone.
"""

from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from ingest.models import Paper
from newsletter.models import DeliveryStatus
from newsletter.tracking.feedback import note_word
from subscriptions import links
from subscriptions.models import SubscriberState
from tests.newsletter import world
from tests.subscriptions.readers import a_change

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}}
DARK = DESK | {"color_scheme": "dark"}


@pytest.fixture
def pages(edition, client, work):
    """Every page of the site by name."""
    now = datetime.now(UTC)
    reader = world.a_reader()
    left = world.a_reader(2, state=SubscriberState.UNSUBSCRIBED, left_at=now)
    batch = edition.batches.create(slot_at=now, send_after=now, state="done")
    papers = list(edition.candidates.values_list("paper_id", flat=True)[:3])
    delivery = edition.deliveries.create(
        subscriber=reader,
        batch=batch,
        status=DeliveryStatus.SENT,
        profile=reader.profile,
        papers=papers,
        claimed_at=now,
    )
    for paper, kind in zip(papers, ("more", "fewer"), strict=False):
        note_word(reader.pk, Paper.objects.get(pk=paper), kind, now)
    client.post(
        "/sign-up/",
        {"address": "new@example.org", "cadence": "daily", "hour": "8", "timezone": "UTC"},
    )
    work()
    change = a_change(
        reader, "a-rather-long-name-of-a-reader@mail.department.university.example.org"
    )
    sign_up_link = links.confirm_url(
        reader.sign_ups.create(profile=reader.profile, requested_at=now).pk, now
    )
    return {
        "home": "/",
        "sign_up": "/sign-up/",
        "sign_up_sent": "/sign-up/sent/",
        "editions": "/editions/",
        "edition": f"/editions/daily/{edition.day}/",
        "topics": "/topics/",
        "topic": "/topics/graphs/",
        "digest": links.view_url(delivery.pk),
        "confirm": sign_up_link,
        "preferences": links.preferences_url(reader.pk, now),
        "new_address": links.change_address_url(change.pk, now),
        "other_address": f"{links.preferences_url(reader.pk, now)}address/",
        "other_address_sent": f"{links.preferences_url(reader.pk, now)}address/sent/",
        "taste": f"{links.preferences_url(reader.pk, now)}taste/",
        "search": "/search/?q=graph+networks",
        "search_nothing": "/search/?q=volcano+opera",
        "expired": links.preferences_url(reader.pk, now - timedelta(days=70)),
        "leave": links.leave_url(reader.pk),
        "left": links.leave_url(left.pk),
        "feedback": f"{links.act_url(delivery.pk, now)}more/{papers[0]}/",
        "ask": "/preferences/",
        "outbox": "/outbox/",
        "unknown": "/p/unknown/",
        "nothing": "/nothing/",
    }


@pytest.mark.parametrize("look", [DESK, PHONE, DARK], ids=["desk", "phone", "dark"])
def test_no_page_has_a_serious_fault_or_scrolls_sideways(open_page, pages, look):
    page = open_page(**look)
    faults = []
    for name, path in pages.items():
        page.goto(path)
        found = Axe().run(page).response["violations"]
        faults += [
            (name, one["id"], one["nodes"][0]["html"][:120])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            faults.append((name, "scrolls sideways", ""))
    assert faults == []


SMALL_TARGETS = """() => [...document.querySelectorAll('button, .button, select, input, textarea, summary, nav a')]
  .filter(e => e.checkVisibility() && !e.closest('.bait') && e.type !== 'hidden')
  .map(e => [e.tagName, e.type || '', (e.closest('label') || e).getBoundingClientRect().height])
  .filter(([, , height]) => height < 44)"""


def test_what_is_pressed_on_a_phone_is_44_pixels_high(open_page, pages):
    page = open_page(**PHONE)
    small = {}
    for name, path in pages.items():
        page.goto(path)
        if found := page.evaluate(SMALL_TARGETS):
            small[name] = found
    assert small == {}


def test_the_first_key_press_offers_to_skip_to_the_content(open_page, pages):
    page = open_page(**DESK)
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_mistake_is_tied_to_its_field(open_page, pages):
    page = open_page(**DESK)
    page.goto("/sign-up/")
    page.get_by_label("Email address").fill("ada@")
    page.get_by_role("button", name="Sign up").click()
    field = page.get_by_label("Email address")
    assert field.get_attribute("aria-invalid") == "true"
    assert "such as" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
