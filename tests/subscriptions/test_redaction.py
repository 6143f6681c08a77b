"""Whoever reads the logs cannot act for a reader."""

import logging

from subscriptions.links import leave_url
from subscriptions.redaction import TokenFilter, redact


def test_the_token_of_a_signed_path_is_left_out_of_a_log_record(settings):
    url = leave_url(12, 3)
    token = url.rstrip("/").rpartition("/")[2]
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 0, "%s: %s", ("Gone", url), None
    )
    assert TokenFilter().filter(record)
    assert token not in record.getMessage()
    assert record.getMessage().startswith(f"Gone: {settings.SITE_URL}/u/…")


def test_other_paths_stay():
    assert (
        redact("Not Found: /editions/daily/2026-01-10/") == "Not Found: /editions/daily/2026-01-10/"
    )


def test_every_handler_of_the_logs_redacts(settings):
    assert all("tokens" in handler["filters"] for handler in settings.LOGGING["handlers"].values())
