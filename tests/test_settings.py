"""Settings refuse to start on anything that would hurt readers, and say everything that is wrong
at once.
"""

import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.known_sources import KNOWN
from newsletter.environment import TAKEN_PATHS, admin_path_problems, keys, rates
from newsletter.settings import _instance_secret
from newsletter.site import urls as site_urls
from subscriptions import urls as reader_urls

pytestmark = pytest.mark.slow

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a-key-for-tests-" * 4,
    "SITE_URL": "https://paperboy.example.org",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "DATABASE_URL": "postgres://paperboy@127.0.0.1/paperboy",
    "SENDER_ADDRESS": "Paperboy <daily@paperboy.example.org>",
    "POSTAL_ADDRESS": "1 Test Street",
    "MAIL_PROVIDER": "postmark",
    "ANYMAIL_POSTMARK_SERVER_TOKEN": "a-token-for-tests",
    "ANYMAIL_WEBHOOK_SECRET": "postmark:a-password-for-tests",
}


def load(
    tmp_path, shown: str = "ENVIRONMENT, s.EMAIL_BACKEND", /, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, which prints those that are to be `shown`."""
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import newsletter.settings as s; print(s.{shown})",
        ],
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
    assert result.stdout.split() == ["production", "anymail.backends.postmark.EmailBackend"], (
        result.stderr
    )


@pytest.mark.parametrize(
    "missing", ["SECRET_KEY", "REDIS_URL", "SENDER_ADDRESS", "POSTAL_ADDRESS", "SITE_URL"]
)
def test_production_refuses_to_start_without(tmp_path, missing):
    result = load(
        tmp_path, **{name: value for name, value in PRODUCTION.items() if name != missing}
    )
    assert result.returncode != 0
    assert missing in result.stderr


def test_every_wrong_value_is_told_in_one_message(tmp_path):
    result = load(
        tmp_path, EDITION_HOUR="25", MAIL_PROVIDER="smtp", SITE_URL="paperboy", LOG_LEVEL="loud"
    )
    assert result.returncode != 0
    for name in ("EDITION_HOUR", "SMTP_URL", "SITE_URL", "LOG_LEVEL"):
        assert name in result.stderr


WRONG = [
    ("SITE_URL", "https://paperboy.example.org/news"),
    ("SITE_URL", "https://ada:secret@example.org"),
    ("SITE_URL", "https://paper boy.example.org"),
    ("SITE_URL", "https://[::1"),
    ("SITE_URL", "https://example.org:99999"),
    ("SITE_NAME", "Paper\nboy"),
    ("ADMIN_PATH", "u"),
    ("ADMIN_PATH", "the desk"),
    ("VAR_DIR", "/dev/null"),
    ("DATABASE_URL", "mysql://host/paperboy"),
    ("DATABASE_URL", "paperboy"),
    ("DATABASE_URL", "postgres://ada:12/34@127.0.0.1/paperboy"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "redis://:12#34@127.0.0.1:6379/0"),
    ("MAIL_PROVIDER", "Postmark"),
    ("MAIL_PROVIDER", "pigeon"),
    ("MAIL_PROVIDER", "test"),
    ("SENDER_ADDRESS", "Paperboy"),
    ("SENDER_ADDRESS", "ada@example.org, bo@example.org"),
    ("SENDER_ADDRESS", "ada@example.org\nBcc: bo@example.org"),
    ("SENDER_ADDRESS", "M\u00fcller, Ada <ada@example.org>"),
    ("REPLY_TO_ADDRESS", "nobody"),
    ("UNSUBSCRIBE_ADDRESS", "Ada <ada@example.org>"),
    ("POSTAL_ADDRESS", "1 Test Street\nTown"),
    ("ENABLED_SOURCES", "arxiv,pigeon"),
    ("SOURCE_TIMES", "05:20"),
    ("SOURCE_TIMES", "pigeon=05:20"),
    ("SOURCE_TIMES", "arxiv=25:00"),
    ("FEEDS", "https://example.org/feed.xml"),
    ("FEEDS", "a-journal=https://[::1"),
    ("ARXIV_CATEGORIES", "machine learning"),
    ("HUGGINGFACE_TOKEN", "a\nb"),
    ("SOURCE_KEYS", "a-journal=a\nb"),
    ("SOURCE_KEYS", "key-without-a-name"),
    ("CATCH_UP_HOURS", "0"),
    ("SEND_RATE", "nan"),
    ("DOMAIN_RATES", "gmail.com"),
    ("DOMAIN_RATES", "gmail.com=-1"),
    ("DOMAIN_RATES", "gmail.com=fast"),
    ("DOMAIN_RATES", "gmail.com=0"),
    ("DEBUG", "perhaps"),
    ("HSTS_PRELOAD", "true"),
]


@pytest.mark.parametrize("turn", range(5))
def test_each_of_many_wrong_values_is_told_by_name(tmp_path, turn):
    """The n-th wrong value of every variable at once: a process for each would take a minute."""
    values = defaultdict(list)
    for name, value in WRONG:
        values[name].append(value)
    wrong = {name: found[turn] for name, found in values.items() if len(found) > turn}
    result = load(tmp_path, **wrong)
    assert result.returncode != 0
    assert result.stderr.strip().splitlines()[-1].startswith("  - ")
    missed = [
        f"{name}={value!r}" for name, value in wrong.items() if f"  - {name}" not in result.stderr
    ]
    assert not missed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "garbage",
        "smtp+tls://ada:secret@example.org:587",
        "smtp://example.org:port",
        "smtp://example.org/?tlss=1",
        "smtp://ada:12/34@example.org:587",
        "smtp://example.org/?tls=True&ssl=True",
    ],
)
def test_a_way_to_a_mail_server_that_is_not_understood_is_refused(tmp_path, url):
    """`smtp+tls` above all: it was read as a connection without encryption, which would have
    carried the password.
    """
    result = load(tmp_path, MAIL_PROVIDER="smtp", SMTP_URL=url)
    assert result.returncode != 0
    assert "SMTP_URL" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "k" * 60),
        ("SECRET_KEY", " " * 60),
        ("SECRET_KEY_FALLBACKS", "old"),
        ("MAIL_PROVIDER", "file"),
        ("DEBUG", "true"),
    ],
)
def test_production_refuses_values_that_development_takes(tmp_path, name, value):
    result = load(tmp_path, **PRODUCTION | {name: value})
    assert result.returncode != 0
    assert f"  - {name}" in result.stderr


def test_a_folder_may_have_any_name(tmp_path):
    """A `#` in it cut the address of the database off: the file was made somewhere else."""
    folder = tmp_path / "news # 1 %20?"
    result = load(folder, "DATABASES['default']['NAME']")
    assert result.stdout.strip() == f"{folder}/paperboy.sqlite3", result.stderr


def test_an_empty_value_is_no_value(tmp_path):
    names = [
        "SITE_URL",
        "SITE_NAME",
        "ADMIN_PATH",
        "ALLOWED_HOSTS",
        "DATABASE_URL",
        "REDIS_URL",
        "MAIL_PROVIDER",
        "STATIC_ROOT",
        "FEEDS",
    ]
    result = load(tmp_path, **dict.fromkeys(names, ""))
    assert result.stdout.split() == ["development", "newsletter.sending.outbox.EmailBackend"], (
        result.stderr
    )


def test_a_command_says_what_is_wrong_without_a_traceback(tmp_path):
    result = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "EDITION_HOUR": "25"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == "Paperboy cannot start:"
    assert "EDITION_HOUR" in result.stderr


def test_a_production_instance_passes_every_check_of_a_deployment(tmp_path):
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)} | PRODUCTION,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("chosen", "header"),
    [
        ({}, "31536000 False False"),
        ({"HSTS_INCLUDE_SUBDOMAINS": "true"}, "31536000 True False"),
        ({"HSTS_INCLUDE_SUBDOMAINS": "true", "HSTS_PRELOAD": "true"}, "31536000 True True"),
    ],
)
def test_hsts_reaches_other_hosts_only_where_the_owner_says_so(tmp_path, chosen, header):
    shown = "SECURE_HSTS_SECONDS, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD"
    result = load(tmp_path, shown, **PRODUCTION | chosen)
    assert result.stdout.strip() == header, result.stderr


def test_a_key_of_hugging_face_may_stand_in_either_variable():
    problems: list[str] = []
    assert keys(["huggingface=one", "a-journal=two=="], "", problems) == {
        "huggingface": "one",
        "a-journal": "two==",
    }
    assert keys(["huggingface=one"], "three", problems) == {"huggingface": "three"}
    assert not problems
    keys(["a-journal=secret\r\nHost: x"], "", problems)
    assert len(problems) == 1
    assert "secret" not in problems[0]


def test_rates_of_domains_are_read_in_any_spelling():
    problems: list[str] = []
    assert rates("DOMAIN_RATES", ["Gmail.com = 20", "yahoo.com=0.5"], problems) == {
        "gmail.com": 20,
        "yahoo.com": 0.5,
    }
    assert not problems


def test_no_page_of_the_site_begins_like_an_address_the_desk_could_take():
    routes = [
        str(pattern.pattern) for part in (site_urls, reader_urls) for pattern in part.urlpatterns
    ]
    firsts = {route.strip("^").split("/")[0] for route in routes if route}
    assert {first.lower() for first in firsts} <= TAKEN_PATHS
    for first in firsts:
        assert admin_path_problems(first)


def test_every_source_that_can_be_enabled_is_known(settings):
    assert set(settings.ASKED_SOURCES) < set(KNOWN)


def user_agent(tmp_path, **environment: str) -> str:
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    return subprocess.run(
        [sys.executable, "-c", "import newsletter.settings as s; print(s.FETCH_USER_AGENT)"],
        env=inherited | {"VAR_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


def test_sources_learn_whom_to_write_to(tmp_path):
    ours = user_agent(tmp_path, **PRODUCTION)
    assert re.fullmatch(
        r"Paperboy/[0-9.]+ \(\+https://paperboy\.example\.org; "
        r"mailto:daily@paperboy\.example\.org\)",
        ours,
    )
    assert "mailto:ada@example.org)" in user_agent(
        tmp_path, **PRODUCTION, OPERATOR_ADDRESS="ada@example.org"
    )


@pytest.mark.parametrize(
    "address",
    ["ada", "ada@example.org, bo@example.org", "ad\u00e9@example.org", "Ada <ada@example.org>"],
)
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


def test_processes_that_start_at_once_share_one_development_secret(tmp_path):
    """A worker that found the file before its content would end with an empty secret."""
    start = threading.Barrier(8)

    def read(_number: int) -> str:
        start.wait()
        return _instance_secret(tmp_path / "secret_key")

    with ThreadPoolExecutor(8) as threads:
        [secret] = set(threads.map(read, range(8)))
    assert len(secret) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
