"""The desk in a real browser, under its content policy."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User

from newsletter.editions import open_edition
from newsletter.models import Curation
from tests.newsletter import world
from tests.newsletter.desk.pages import a_delivery

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "only for a browser 1"
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}}
DARK = DESK | {"color_scheme": "dark"}


@pytest.fixture
def chief(site) -> str:
    User.objects.create_superuser("chief", password=PASSWORD)
    return "chief"


@pytest.fixture
def enter(open_page, chief):
    """Log in through the page, as a person does, and return it."""

    def log_in(**look):
        page = open_page(**look)
        page.goto("/desk/login/")
        page.fill("[name=username]", chief)
        page.fill("[name=password]", PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Editions").wait_for()
        return page

    return log_in


@pytest.mark.parametrize("look", [DESK, PHONE, DARK], ids=["desk", "phone", "dark"])
def test_the_desks_own_pages_have_no_serious_fault_and_scroll_only_downwards(enter, edition, look):
    reader = world.a_reader()
    delivery = a_delivery(
        edition, reader, [candidate.paper for candidate in edition.candidates.all()[:2]]
    )
    upcoming = open_edition("weekly", edition.day, datetime.now(UTC))
    topic = world.a_topic()
    page = enter(**look)
    faults = []
    for path in (
        "",
        f"newsletter/edition/{upcoming.pk}/change/",
        f"newsletter/edition/{edition.pk}/change/",
        f"newsletter/edition/{upcoming.pk}/step/hold/",
        f"newsletter/edition/{upcoming.pk}/preview/?topics={topic.pk}",
        f"newsletter/delivery/{delivery.pk}/change/",
        f"subscriptions/subscriber/{reader.pk}/change/",
    ):
        page.goto(f"/desk/{path}")
        found = Axe().run(page, context="#content").response["violations"]
        faults += [
            (path, fault["id"]) for fault in found if fault["impact"] in ("serious", "critical")
        ]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            faults.append((path, "scrolls sideways"))
    assert faults == []


def test_an_editor_pins_a_paper_holds_the_edition_and_sees_both_in_the_page(enter, edition):
    upcoming = open_edition("weekly", edition.day, datetime.now(UTC))
    page = enter(**DESK)
    page.goto(f"/desk/newsletter/edition/{upcoming.pk}/change/")
    page.get_by_role("button", name="Pin", exact=True).first.click()
    page.get_by_text("pinned: 1", exact=True).wait_for()
    page.get_by_role("link", name="Hold", exact=True).click()
    page.get_by_label("Reason").fill("Waiting for a source.")
    page.get_by_role("button", name="Hold", exact=True).click()
    page.get_by_text("Held: Waiting for a source.").first.wait_for()
    assert Curation.objects.get().kind == "pin"
    upcoming.refresh_from_db()
    assert upcoming.state == "held"


def test_the_preview_shows_the_mail_in_its_frame(enter, edition):
    page = enter(**DESK)
    page.goto(f"/desk/newsletter/edition/{edition.pk}/preview/?topics={world.a_topic().pk}")
    title = edition.candidates.first().paper.title
    page.frame_locator("iframe").get_by_role("heading", name=title).wait_for()


def test_the_sidebar_opens_on_a_phone_so_the_policy_lets_alpine_work(enter, edition):
    page = enter(**PHONE)
    readers = page.locator("a[href='/desk/subscriptions/subscriber/']").locator("visible=true")
    assert readers.count() == 0
    page.get_by_text("dock_to_right").locator("visible=true").click()
    readers.first.wait_for()
