"""Which providers may post events: those whose posts can be authenticated by what is configured."""

from functools import cache

from anymail import urls as anymail_urls
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings

SIGNATURES = {
    "mailersend": "MAILERSEND_SIGNING_SECRET",
    "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
    "mailtrap": "MAILTRAP_TRACKING_SECRET",
    "mandrill": "MANDRILL_WEBHOOK_KEY",
    "postal": "POSTAL_WEBHOOK_KEY",
    "resend": "RESEND_SIGNING_SECRET",
    "sendgrid": "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
    "unisender_go": "UNISENDER_GO_API_KEY",
}
"""The Anymail setting with which each provider's signature is checked."""
ALWAYS_SIGNED = frozenset({"mailersend", "mailgun", "mandrill", "postal", "unisender_go"})
"""Providers whose posts Anymail accepts only with a signature. For others a name and a password in
the address (WEBHOOK_SECRET) are enough.
"""


@cache
def webhook_views() -> dict[str, type[AnymailCoreWebhookView]]:
    """Return Anymail's view for the events of each provider that has one."""
    suffix = "_tracking_webhook"
    return {
        pattern.name.removesuffix(suffix): pattern.callback.view_class
        for pattern in anymail_urls.urlpatterns
        if pattern.name.endswith(suffix)
    }


def is_answered(provider: str) -> bool:
    """Say whether posts for a provider can be authenticated, and so are answered."""
    if settings.ANYMAIL.get(SIGNATURES.get(provider, "")):
        return True
    return (
        provider in webhook_views()
        and provider not in ALWAYS_SIGNED
        and bool(settings.ANYMAIL.get("WEBHOOK_SECRET"))
    )
