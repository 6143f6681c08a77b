"""Probes are answered to whoever asks, say nothing but whether all is well, and never hang."""

import logging
import socket
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsletter.site import health
from newsletter.site.health import LIVE, READY

BY_IP = {"HTTP_HOST": "10.0.0.7:8000"}
NOT_READY = (503, b"not ready\n")


@pytest.fixture
def behind_https(settings):
    """As in production: other hosts are refused, and plain HTTP is redirected."""
    settings.ALLOWED_HOSTS = ["paperboy.example.org"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def ask(path: str = READY) -> tuple[int, bytes]:
    answer = Client().get(path, **BY_IP)
    return answer.status_code, answer.content


def database(monkeypatch, **settings: str) -> None:
    """Let the probe look at another database."""
    other = connection.copy()
    other.settings_dict |= settings
    monkeypatch.setattr(health, "connection", other)


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "10.0.0.7:8000", "[::1]", "", "not a host", "x" * 300]
)
def test_a_probe_by_any_name_is_answered(db, behind_https, caplog, host):
    for path in (LIVE, READY):
        answer = Client().get(path, HTTP_HOST=host)
        assert (answer.status_code, answer.content) == (200, b"ok\n")
        assert "no-store" in answer["Cache-Control"]
        assert answer["Content-Type"] == "text/plain"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_other_pages_still_refuse_other_names(db, behind_https):
    for path in ("/", "/healthz/", "/healthz/readyz", "/healthz/ready/", "/x/healthz"):
        assert Client().get(path, **BY_IP).status_code == 400


@pytest.mark.parametrize("path", [LIVE, READY])
def test_a_probe_only_looks(db, path):
    assert Client().head(path).status_code == 200
    assert Client().head(path).content == b""
    assert Client().post(path).status_code == 405


def test_a_process_lives_while_database_and_broker_are_away(settings):
    """The test has no database at all: asking it would raise."""
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert ask(LIVE) == (200, b"ok\n")


def test_readiness_takes_no_connection_of_the_site(db):
    with CaptureQueriesContext(connection) as queries:
        assert ask() == (200, b"ok\n")
    assert not queries.captured_queries


def test_a_database_without_tables_is_not_ready(db, monkeypatch, tmp_path):
    empty = {"sqlite": tmp_path / "empty.sqlite3", "postgresql": "template1"}
    database(monkeypatch, NAME=str(empty[connection.vendor]))
    assert ask() == NOT_READY


def test_a_database_of_an_earlier_version_is_not_ready(db, monkeypatch, caplog):
    known = health._migrations()
    monkeypatch.setattr(health, "_migrations", lambda: known | {("newsletter", "9999_new")})
    assert ask() == NOT_READY
    assert "1 migrations are missing" in caplog.text


def test_every_app_with_tables_is_looked_at():
    assert {"newsletter", "subscriptions", "ingest", "auth"} <= {
        app for app, _ in health._migrations()
    }


def test_a_database_of_a_later_version_is_ready(db, monkeypatch):
    """While a deploy goes on, the old processes serve beside the new ones."""
    monkeypatch.setattr(health, "_migrations", set)
    assert ask() == (200, b"ok\n")


def test_a_database_that_is_away_is_not_ready(db, monkeypatch, tmp_path, caplog):
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no" / "such")},
        "postgresql": {"HOST": "127.0.0.1", "PORT": "1"},
    }
    database(monkeypatch, **nowhere[connection.vendor])
    assert ask() == NOT_READY
    assert "OperationalError" in caplog.text


def test_a_database_that_never_answers_is_not_ready(db, monkeypatch, silent_port):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is a file")
    database(monkeypatch, HOST="127.0.0.1", PORT=str(silent_port))
    assert ask() == NOT_READY


def test_a_database_that_is_locked_is_not_ready(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's readers wait for nobody")
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
    assert ask() == NOT_READY


def test_a_broker_that_is_away_is_not_ready(db, settings, caplog):
    settings.CELERY_BROKER_URL = "redis://:a-secret@127.0.0.1:1/0"
    assert ask() == NOT_READY
    assert "ConnectionError" in caplog.text
    assert "a-secret" not in caplog.text


def test_a_broker_that_never_answers_is_not_ready(db, monkeypatch, settings, silent_port):
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.2)
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent_port}/0"
    monkeypatch.setattr(health, "_check_database", lambda: None)
    assert ask() == NOT_READY
