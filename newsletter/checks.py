"""Whether every configured mail provider can be used: asked when the web server and a worker start,
and by `manage.py check`.

The settings can tell a wrong name, but what a provider needs only its backend knows.
"""

import re
from typing import Any

from anymail.exceptions import AnymailImproperlyInstalled
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

from newsletter.events.authentication import SIGNATURES, is_answered, webhook_views


@register()
def check_mail_providers(**_options: Any) -> list[CheckMessage]:
    return [Error(problem, id="newsletter.E001") for problem in mail_provider_problems()]


@register()
def check_webhooks(**_options: Any) -> list[CheckMessage]:
    """Warn of each provider whose reports of bounces and complaints would not be taken."""
    return [
        checks.Warning(
            f"Nothing that {name} reports is taken, such as bounces and complaints, because its "
            "posts cannot be authenticated.",
            hint=f"Set ANYMAIL_{SIGNATURES.get(name, 'WEBHOOK_SECRET')}, and let {name} post to "
            f"{settings.SITE_URL}/anymail/{name}/tracking/.",
            id="newsletter.W001",
        )
        for name in settings.MAIL_PROVIDERS
        if name in webhook_views() and not is_answered(name)
    ]


def refuse_wrong_mail_providers() -> None:
    """Stop a process that would find out at its first mail.

    Raises:
        ImproperlyConfigured: a provider cannot be used; the text says what to set.
    """
    if problems := mail_provider_problems():
        raise ImproperlyConfigured(
            "Paperboy cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )


def mail_provider_problems() -> list[str]:
    """Construct the backend of each configured provider, without a connection, and return what is
    wrong, one sentence for each. No sentence repeats a value.
    """
    return [problem for name in settings.MAIL_PROVIDERS if (problem := _problem(name))]


def _problem(name: str) -> str:
    try:
        get_connection(settings.MAIL_BACKENDS[name])
    except AnymailImproperlyInstalled:
        extra = name.replace("_", "-")
        return (
            f"MAIL_PROVIDER={name} needs a package that is not installed: "
            f'pip install "django-anymail[{extra}]".'
        )
    except ImproperlyConfigured as error:
        missing = re.search(r"ANYMAIL_[A-Z_]+", str(error))
        return f"MAIL_PROVIDER={name} needs {missing[0]}." if missing else _unusable(name, error)
    except Exception as error:  # noqa: BLE001 - whatever the library of a provider raises on its settings is for the person who set them
        return _unusable(name, error)
    return ""


def _unusable(name: str, error: Exception) -> str:
    """Name the error only: its text may quote a key."""
    return (
        f"MAIL_PROVIDER={name} cannot be used with these ANYMAIL_ settings: {type(error).__name__}."
    )
