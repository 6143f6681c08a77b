"""The digest in a real browser: axe finds nothing serious, and nothing is cut off on a phone,
enlarged, or without images.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from tests.browser.chromium import chromium_path
from tests.newsletter.composing.digests import digest, edition, paper

pytestmark = pytest.mark.browser
OF_THE_PAGE_AROUND = {"landmark-one-main", "region"}
"""A mail is shown inside the mail program's page, which has the landmarks; a second main would
confuse.
"""
LONG = paper(
    9,
    title="Supercalifragilisticexpialidocious" * 6 + ": a title",
    authors=("Ünïcödé " * 9,),
    abstract="x" * 300,
)
RIGHT_TO_LEFT = paper(10, title="שלום עולם: תורת הגרפים", authors=("יעל כהן", "Ada Byron"))
CONTENT = edition(
    *(paper(number) for number in range(1, 9)),
    LONG,
    RIGHT_TO_LEFT,
    editor_note="Read slowly.",
    health_line="One source is silent.",
)
DIGESTS = {
    "ordinary": digest(*range(1, 11)),
    "first": digest(*range(1, 11), first=True),
    "thin": digest(1, note="Only one paper fits today."),
    "one": digest(10),
}


@pytest.fixture(scope="module")
def browser():
    path = chromium_path()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def page_of(browser, name: str, *, width: int = 800, dark: bool = False):
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page.set_content(render(compile_edition(CONTENT), DIGESTS[name]).html)
    return page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", DIGESTS)
def test_axe_finds_nothing(browser, name, dark):
    found = Axe().run(page_of(browser, name, dark=dark)).response["violations"]
    assert [
        (one["id"], one["impact"], one["nodes"][0]["html"])
        for one in found
        if one["id"] not in OF_THE_PAGE_AROUND
    ] == []


@pytest.mark.parametrize(
    "width", [800, 390, 320], ids=["desktop", "phone", "200 % of a small window"]
)
@pytest.mark.parametrize("name", DIGESTS)
def test_nothing_is_wider_than_the_window(browser, name, width):
    page = page_of(browser, name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_links_that_stand_alone_are_large_enough_to_touch(browser):
    page = page_of(browser, "ordinary", width=390)
    heights = page.evaluate(
        "[...document.querySelectorAll('a')].filter(a => /like "
        "this|Unsubscribe|Preferences|Change/.test(a.textContent))"
        ".map(a => parseFloat(getComputedStyle(a).lineHeight))"
    )
    assert heights
    assert min(heights) >= 24


def test_the_mail_needs_no_image(browser):
    assert page_of(browser, "ordinary").evaluate("document.images.length") == 0
