"""Chromium, the site on a live server, and mail into an outbox of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from playwright.sync_api import sync_playwright

from newsletter.sending.due import due_batches
from newsletter.tasks import send_batch, tick
from subscriptions.models import Letter, LetterState
from subscriptions.tasks import send_letter
from tests.browser.chromium import chromium_path
from tests.newsletter import world

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
def chromium(site):
    """Debian's Chromium without a window.

    One for each test: Playwright keeps an event loop running in this thread, in which Django
    refuses to touch the database.
    """
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()
        # Under the loop this thread has database connections of their own, and PostgreSQL drops no
        # database that one is open to.
        connections.close_all()


@pytest.fixture
def site(live_server, settings, tmp_path, monkeypatch):
    """The address of the running site; its mail goes to files, as in development."""
    # The tests look into the database while Playwright's loop runs; nothing of Django's runs in
    # that loop.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    settings.SITE_URL = live_server.url
    settings.EMAIL_BACKEND = "newsletter.sending.outbox.EmailBackend"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    return live_server.url


@pytest.fixture
def open_page(chromium, site):
    """Open pages of contexts that are closed afterwards; what the browser refuses or a script
    throws fails the test.
    """
    contexts, complaints = [], []

    def open_one(**options):
        context = chromium.new_context(base_url=site, timezone_id="Asia/Tokyo", **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if "Refused" in message.text else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def edition(site):
    """An edition of yesterday, as a reader of today finds it."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    world.a_topic()
    for number in range(1, 7):
        world.a_paper(number, day=yesterday, votes=40 - number)
    return world.a_frozen_edition(day=yesterday)


@pytest.fixture
def work():
    """Do what workers do: run the real tasks for every letter and batch that is due."""

    def run():
        for letter_id in Letter.objects.filter(state=LetterState.WAITING).values_list(
            "pk", flat=True
        ):
            send_letter(letter_id)
        tick()
        for batch_id in due_batches(datetime.now(UTC)):
            send_batch(batch_id)

    return run
