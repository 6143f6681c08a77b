"""Links are absolute, short, and hold no address."""

from datetime import UTC, datetime

import pytest

from subscriptions import links
from subscriptions.checks import leave_link_fits_its_header

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (lambda: links.confirm_url(7, NOW), "/c/"),
        (lambda: links.preferences_url(7, NOW), "/p/"),
        (lambda: links.leave_url(7), "/u/"),
        (lambda: links.act_url(7, NOW), "/a/"),
        (lambda: links.view_url(7), "/v/"),
    ],
)
def test_a_link_is_on_our_site_and_ends_with_a_slash(settings, url, path):
    settings.SITE_URL = "https://paperboy.example.org"
    assert url().startswith(f"https://paperboy.example.org{path}")
    assert url().endswith("/")


def test_the_leave_link_of_a_usual_host_fits_a_header_word(settings):
    settings.SITE_URL = "https://" + "h" * 35
    assert leave_link_fits_its_header() == []
    assert len(f"<{links.leave_url(2**28 - 1, 2**14 - 1)}>") <= 76


def test_a_site_address_that_is_too_long_is_told(settings):
    settings.SITE_URL = "https://" + "h" * 60
    (warning,) = leave_link_fits_its_header()
    assert "characters too long" in warning.msg
