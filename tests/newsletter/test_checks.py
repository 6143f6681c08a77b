"""A mail provider that could not send is refused before anything starts, with what to set."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import anymail.backends
import pytest
from django.core.exceptions import ImproperlyConfigured

from newsletter.checks import (
    check_mail_providers,
    mail_provider_problems,
    refuse_wrong_mail_providers,
)
from newsletter.environment import NO_WAY_OUT, anymail_settings
from tests.test_settings import PRODUCTION

PROVIDERS = sorted(
    path.stem
    for path in Path(anymail.backends.__file__).parent.glob("[a-z]*.py")
    if path.stem not in NO_WAY_OUT
)
TOKEN = "a-very-secret-token"


@pytest.fixture
def use(settings):
    """Return a function that configures providers and what Anymail is told about them."""

    def configure(*names: str, **anymail_settings: object) -> None:
        settings.MAIL_PROVIDERS = list(names)
        settings.MAIL_BACKENDS = {name: f"anymail.backends.{name}.EmailBackend" for name in names}
        settings.ANYMAIL = anymail_settings

    return configure


def test_anymails_providers_are_found():
    assert {"postmark", "amazon_ses", "mailgun", "sendgrid"} <= set(PROVIDERS)


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailWarning")
@pytest.mark.parametrize("name", PROVIDERS)
def test_each_provider_without_its_settings_says_what_it_needs(use, name):
    if name == "amazon_ses" and find_spec("boto3"):
        pytest.skip("boto3 is installed, and Amazon's settings have defaults")
    use(name)
    [problem] = mail_provider_problems()
    assert problem.startswith(f"MAIL_PROVIDER={name} needs ")
    assert f"ANYMAIL_{name.upper()}_" in problem or "pip install" in problem


def test_every_wrong_provider_is_told_at_once(use):
    use("postmark", "resend", "mailjet", MAILJET_API_KEY=TOKEN)
    assert mail_provider_problems() == [
        "MAIL_PROVIDER=postmark needs ANYMAIL_POSTMARK_SERVER_TOKEN.",
        "MAIL_PROVIDER=resend needs ANYMAIL_RESEND_API_KEY.",
        "MAIL_PROVIDER=mailjet needs ANYMAIL_MAILJET_SECRET_KEY.",
    ]
    assert len(check_mail_providers()) == 3
    with pytest.raises(ImproperlyConfigured, match="Paperboy cannot start") as refused:
        refuse_wrong_mail_providers()
    assert TOKEN not in str(refused.value)


def test_a_provider_with_its_settings_may_start(use):
    use("postmark", POSTMARK_SERVER_TOKEN=TOKEN)
    refuse_wrong_mail_providers()
    assert not check_mail_providers()


def test_an_error_that_quotes_a_value_is_only_named(use):
    use("postmark", POSTMARK_SERVER_TOKEN="token", IDNA_ENCODER=TOKEN)
    [problem] = mail_provider_problems()
    assert problem.startswith("MAIL_PROVIDER=postmark cannot be used")
    assert TOKEN not in problem


def test_the_providers_of_an_instance_without_anymail_may_start(settings):
    settings.MAIL_PROVIDERS = ["file", "smtp"]
    refuse_wrong_mail_providers()


def test_an_empty_setting_is_no_setting_and_structured_ones_are_json():
    problems: list[str] = []
    variables = {
        "ANYMAIL_POSTMARK_SERVER_TOKEN": "",
        "ANYMAIL_RESEND_API_KEY": "12345",
        "ANYMAIL_DEBUG_API_REQUESTS": "false",
        "ANYMAIL_AMAZON_SES_CLIENT_PARAMS": '{"region_name": "eu-west-1"}',
        "ANYMAIL_SEND_DEFAULTS": '{"tags": "secret',
        "HOME": "/root",
    }
    assert anymail_settings(variables, problems) == {
        "RESEND_API_KEY": "12345",
        "DEBUG_API_REQUESTS": False,
        "AMAZON_SES_CLIENT_PARAMS": {"region_name": "eu-west-1"},
    }
    assert problems == ["ANYMAIL_SEND_DEFAULTS begins like a JSON object and is none."]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "gunicorn", "--config", "python:newsletter.webserver", "--bind", "127.0.0.1:0"],
        ["-m", "gunicorn", "newsletter.wsgi", "--bind", "127.0.0.1:0"],
        ["-m", "celery", "-A", "newsletter.celery", "worker"],
        ["manage.py", "check", "--deploy"],
        ["manage.py", "run", "daily/2026-01-14"],
    ],
    ids=["web", "another web server", "worker", "check", "run"],
)
def test_nothing_starts_with_a_provider_that_cannot_send(tmp_path, command):
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    place = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    result = subprocess.run(
        [sys.executable, *command],
        env=inherited | PRODUCTION | place | {"ANYMAIL_POSTMARK_SERVER_TOKEN": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "MAIL_PROVIDER=postmark needs ANYMAIL_POSTMARK_SERVER_TOKEN." in said
    if "newsletter.wsgi" not in command:  # gunicorn itself prints where a worker failed
        assert "Traceback" not in said
