"""Every test of composing runs as one publication."""

import pytest


@pytest.fixture(autouse=True)
def publication(settings):
    settings.SITE_NAME = "Paperboy"
    settings.SITE_URL = "https://paperboy.example.org"
    settings.SITE_HOST = "paperboy.example.org"
    settings.DEFAULT_FROM_EMAIL = "Paperboy <daily@paperboy.example.org>"
    settings.REPLY_TO_ADDRESS = "desk@paperboy.example.org"
    settings.UNSUBSCRIBE_ADDRESS = "leave@paperboy.example.org"
    settings.POSTAL_ADDRESS = "Paperboy, 1 Test Street, 12345 Testville"
