"""The ways out, and which of them this instance uses."""

from django.conf import settings

from newsletter.sending.transports.backend import BackendTransport
from newsletter.sending.transports.base import Connection, Transport
from newsletter.sending.transports.lanes import Errand, Lanes
from newsletter.sending.transports.outcomes import HandOverError, PermanentForAll, PermanentForReader, Throttled, Transient, Uncertain
from newsletter.sending.transports.smtp import SmtpTransport

__all__ = [
    "BackendTransport",
    "Connection",
    "Errand",
    "HandOverError",
    "Lanes",
    "PermanentForAll",
    "PermanentForReader",
    "SmtpTransport",
    "Throttled",
    "Transient",
    "Transport",
    "Uncertain",
    "configured_transport",
]


def configured_transport() -> Transport:
    """Return the way out that MAIL_PROVIDER names."""
    if settings.MAIL_PROVIDER == "smtp":
        return SmtpTransport()
    # Writing files side by side would gain nothing.
    width = 1 if settings.MAIL_PROVIDER == "file" else settings.CONNECTIONS_PER_WORKER
    return BackendTransport(settings.MAIL_PROVIDER, settings.EMAIL_BACKEND, width)
