"""The ways out, and which of them this instance uses."""

from django.conf import settings

from newsletter.sending.transports.backend import BackendTransport
from newsletter.sending.transports.base import Connection, Transport
from newsletter.sending.transports.lanes import Errand, Lanes
from newsletter.sending.transports.outcomes import (
    HandOverError,
    NoRoom,
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Uncertain,
)
from newsletter.sending.transports.pool import pool
from newsletter.sending.transports.smtp import SmtpTransport

__all__ = [
    "KNOW_REPEATS",
    "BackendTransport",
    "Connection",
    "Errand",
    "HandOverError",
    "Lanes",
    "NoRoom",
    "PermanentForAll",
    "PermanentForReader",
    "SmtpTransport",
    "Throttled",
    "Transient",
    "Transport",
    "Uncertain",
    "pool",
    "transport_of",
]


KNOW_REPEATS = frozenset({"resend"})
"""Providers that take a key with each mail and send a repeated one once. Resend keeps it for 24
hours.
"""


def transport_of(name: str) -> Transport:
    """Return the way out to one of the providers that MAIL_PROVIDER names."""
    if name == "smtp":
        return SmtpTransport.as_set()
    # Writing files side by side would gain nothing.
    width = 1 if name == "file" else settings.CONNECTIONS_PER_WORKER
    return BackendTransport(
        name, settings.MAIL_BACKENDS[name], width, knows_repeats=name in KNOW_REPEATS
    )
