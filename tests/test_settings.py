"""Settings refuse to start on anything that would hurt readers, and say everything that is wrong at once."""

import os
import re
import subprocess
import sys

import pytest

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k" * 60,
    "SITE_URL": "https://paperboy.example.org",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "DATABASE_URL": "postgres://paperboy@127.0.0.1/paperboy",
    "SENDER_ADDRESS": "Paperboy <daily@paperboy.example.org>",
    "POSTAL_ADDRESS": "1 Test Street",
    "MAIL_PROVIDER": "postmark",
}


def load(tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-c", "import newsletter.settings as s; print(s.ENVIRONMENT, s.EMAIL_BACKEND)"],
        env=inherited | {"VAR_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_development_needs_nothing_set(tmp_path):
    result = load(tmp_path)
    assert result.stdout.split() == ["development", "newsletter.sending.outbox.EmailBackend"]


def test_production_starts_with_what_it_needs(tmp_path):
    result = load(tmp_path, **PRODUCTION)
    assert result.stdout.split() == ["production", "anymail.backends.postmark.EmailBackend"], result.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "REDIS_URL", "SENDER_ADDRESS", "POSTAL_ADDRESS", "SITE_URL"])
def test_production_refuses_to_start_without(tmp_path, missing):
    result = load(tmp_path, **{name: value for name, value in PRODUCTION.items() if name != missing})
    assert result.returncode != 0
    assert missing in result.stderr


def test_every_wrong_value_is_told_in_one_message(tmp_path):
    result = load(tmp_path, EDITION_HOUR="25", MAIL_PROVIDER="smtp", SITE_URL="paperboy", LOG_LEVEL="loud")
    assert result.returncode != 0
    for name in ("EDITION_HOUR", "SMTP_URL", "SITE_URL", "LOG_LEVEL"):
        assert name in result.stderr


def user_agent(tmp_path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-c", "import newsletter.settings as s; print(s.FETCH_USER_AGENT)"],
        env=inherited | {"VAR_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


def test_sources_learn_whom_to_write_to(tmp_path):
    ours = user_agent(tmp_path, **PRODUCTION)
    assert re.fullmatch(r"Paperboy/[0-9.]+ \(\+https://paperboy\.example\.org; mailto:daily@paperboy\.example\.org\)", ours)
    assert "mailto:ada@example.org)" in user_agent(tmp_path, **PRODUCTION, OPERATOR_ADDRESS="ada@example.org")


@pytest.mark.parametrize("address", ["ada", "ada@example.org, bo@example.org", "ad\u00e9@example.org", "Ada <ada@example.org>"])
def test_an_operator_s_address_that_does_not_fit_a_header_is_told(tmp_path, address):
    result = load(tmp_path, OPERATOR_ADDRESS=address)
    assert result.returncode != 0
    assert "OPERATOR_ADDRESS" in result.stderr


def test_the_development_secret_is_made_once_and_private(tmp_path):
    load(tmp_path)
    secret = (tmp_path / "secret_key").read_text()
    load(tmp_path)
    assert (tmp_path / "secret_key").read_text() == secret
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
