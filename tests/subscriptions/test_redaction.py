"""Whoever reads the logs or a stored reason learns no address and cannot act for a reader."""

import io
import logging
import logging.config

import pytest
import structlog

from subscriptions.links import leave_url
from subscriptions.redaction import LONGEST_REASON, redact, redact_addresses, stored_reason

SPELLINGS = [
    "ada@example.org",
    "ADA@EXAMPLE.ORG",
    "<ada@example.org>",
    "a.d.a+list@sub.example.co.uk",
    "o'ada@example.org",
    "ada@xn--mnchen-3ya.example",
    "ada@münchen.example",
    "ada@münchen.example.",
    "ada＠example.org",
    "ada @ example.org",
    '"ada of example"@example.org',
    '\\"ada of example\\"@example.org',
    "ada@[192.0.2.1]",
    "ada@example",
    "ada%40example.org",
    "ada%2540example.org",
    "https://api.example.com/validate?to=ada%40example.org&from=us",
    "ada&#64;example.org",
    "ada&#x40;example.org",
    "ada&commat;example.org",
    "ada\\u0040example.org",
    "ada\\x40example.org",
    "ada=40example.org",
    "mailto:ada@example.org",
    "rfc822;ada@example.org",
    "bounce-ada=example.org@lists.example.com",
    "{'ada@example.org': (550, b'no <ada@example.org>')}",
    '{"errors":[{"to":"ada@example.org","code":406}]}',
    "ada@example.org\r\n\tada@example.org",
    "a​da@exa­mple.org",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("frame", ["{}", "550 5.1.1 {}: no such user", "refused ({}), try later"])
def test_no_spelling_of_an_address_is_stored(spelling, frame):
    kept = stored_reason(frame.format(spelling)).lower()
    for part in ("ada", "example.org", "exam", "münchen", "xn--", "192.0.2"):
        assert part not in kept.replace("api.example.com", "")
    assert "<address>" in kept


def test_the_rest_of_an_answer_is_kept():
    assert stored_reason('{"errors":[{"to":"ada@example.org","code":406}]}') == (
        '{"errors":[{"to":"<address>","code":406}]}'
    )
    answer = "SMTPDataError: (554, b'5.7.1 limit=400 40% off &c., see http://example.org/a/b')"
    assert stored_reason(answer) == answer


def test_a_stored_reason_is_one_line_that_any_column_takes():
    kept = stored_reason("550\x00 no\r\nsuch\tuser " + "x" * 10_000)
    assert kept.startswith("550 no such user xxx")
    assert len(kept) == LONGEST_REASON


def test_an_address_that_the_cut_would_halve_is_redacted_first():
    kept = stored_reason("x" * (LONGEST_REASON - 5) + " ada.lovelace@example.org")
    assert "ada" not in kept


def test_a_stored_reason_has_no_token():
    url = leave_url(12, 3)
    assert url.rstrip("/").rpartition("/")[2] not in stored_reason(f"cannot build {url}")


def test_text_without_an_address_stays():
    for text in ("", "421 slow down", "http://example.org/?page=1", "a&b; c%d", "limit=4000"):
        assert redact_addresses(text) == text


@pytest.fixture
def written(settings):
    """Return what the project's own logging configuration writes when a function is called."""

    def run(act):
        stream = io.StringIO()
        handlers = {"stderr": settings.LOGGING["handlers"]["stderr"] | {"stream": stream}}
        root, loggers = logging.getLogger(), settings.LOGGING["loggers"]
        before = root.handlers[:], root.level
        server = logging.getLogger("django.server")
        before_server = server.handlers[:], server.propagate
        try:
            logging.config.dictConfig(settings.LOGGING | {"handlers": handlers, "loggers": loggers})
            act()
        finally:
            root.handlers[:], root.level = before
            server.handlers[:], server.propagate = before_server
        return stream.getvalue()

    return run


def test_a_log_record_has_no_token(written, settings):
    url = leave_url(12, 3)
    token = url.rstrip("/").rpartition("/")[2]
    line = written(lambda: logging.getLogger("django.request").warning("%s: %s", "Gone", url))
    assert token not in line
    assert f"Gone: {settings.SITE_URL}/u/…" in line


def test_a_log_event_has_no_address_in_its_fields_nor_its_traceback(written):
    def act():
        try:
            raise ValueError("cannot write to <Ada@example.org>")
        except ValueError:
            structlog.get_logger("subscriptions").exception("refused", to="bob%40example.org")
        logging.getLogger("anymail").warning("sent to %s", "cleo@example.org")

    lines = written(act)
    assert "Traceback" in lines
    for name in ("ada", "bob", "cleo"):
        assert name not in lines.lower().replace("test_redaction", "")
    assert "refused" in lines


def test_the_names_of_worker_nodes_stay_in_the_logs(written):
    line = written(lambda: logging.getLogger("celery").warning("missed heartbeat of work@box2"))
    assert "work@box2" in line


def test_an_address_right_at_a_country_is_left_out_of_the_logs(written):
    line = written(lambda: logging.getLogger("smtp").warning("refused: {'ada@io': 550}"))
    assert "ada" not in line
    assert "550" in line


@pytest.mark.parametrize("place", ["/u/", "/U/", "/u//", "/u/%20", "/u/ <", "/P/"])
def test_the_token_is_left_out_wherever_a_leave_link_works(place):
    token = leave_url(12, 3).rstrip("/").rpartition("/")[2]
    assert token not in redact(f"{place}{token}/ 404")
    assert redact(f"{place}{token}/ 404").endswith("…/ 404")


def test_other_paths_stay():
    assert (
        redact("Not Found: /editions/daily/2026-01-10/") == "Not Found: /editions/daily/2026-01-10/"
    )


def test_every_formatter_of_the_logs_redacts(settings):
    for formatter in settings.LOGGING["formatters"].values():
        assert formatter["processors"][-1].__name__ == "redact_log_line"
    for handler in settings.LOGGING["handlers"].values():
        assert handler["formatter"] in settings.LOGGING["formatters"]
