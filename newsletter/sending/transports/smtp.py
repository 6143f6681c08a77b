"""SMTP over a connection that is kept open, with the envelope in one write where the server allows
it.

Django's backend opens the connection (TLS, login); newsletter.sending.smtp_pipeline speaks the
protocol and says at which step a mail was refused or cut off; the tables here say what that means.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from typing import cast

import structlog
from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.encoding import punycode

from newsletter.sending.mail import Mail
from newsletter.sending.smtp_pipeline import (
    ACCEPTED,
    CutOff,
    PipeliningSMTP,
    PipeliningSMTPOverTLS,
    Refused,
    Step,
    fits_envelope,
)
from newsletter.sending.transports.base import Stepping
from newsletter.sending.transports.outcomes import (
    HandOverError,
    NoRoom,
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Uncertain,
)

log = structlog.get_logger(__name__)

LESS_PLEASE = (421, 454)
"""The service closes, or cannot check a login just now: a word about the server, never about one
mail.
"""
FOR_THE_MOMENT = range(400, 500)
QUICK = 2.0
"""Seconds in which a server answers when nothing is asked of it: a worker with a batch in its
hands asks on every connection.
"""


class _Backend(EmailBackend):
    """Django's backend over our connection classes."""

    @property
    def connection_class(self) -> type[PipeliningSMTP]:
        return PipeliningSMTPOverTLS if self.use_ssl else PipeliningSMTP


class SmtpConnection(Stepping):
    """One SMTP connection."""

    def __init__(self) -> None:
        self._backend = _Backend(fail_silently=False)
        self._sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]

    def steps(self, mail: Mail, following: str | None = None) -> Iterator[bool]:
        content, recipient = _written(mail), _in_ascii(mail.address)
        if not fits_envelope(recipient):
            raise PermanentForReader("the address cannot be written in SMTP")
        smtp = self._open(recipient)
        try:
            yield from smtp.steps(
                self._sender, recipient, content, following and _in_ascii(following)
            )
        except Refused as refused:
            raise _meaning(refused) from refused
        except CutOff as cut:
            raise Transient(str(cut)) if cut.fate_known else Uncertain(str(cut)) from cut
        except ValueError as error:
            raise PermanentForReader("the mail cannot be written in SMTP") from error

    def rest(self) -> None:
        """Close a connection on which the next mail has begun: the server would wait for the
        rest of it.
        """
        if self._smtp is not None and self._smtp.announced is not None:
            self._smtp.close()

    def wake(self) -> None:
        """Ask for nothing: a server that has hung up meanwhile says so now, and the next mail
        opens a connection anew.
        """
        if self._smtp is None or self._smtp.sock is None:
            return
        patience = self._smtp.sock.gettimeout()
        try:
            self._smtp.sock.settimeout(QUICK)
            if self._smtp.noop()[0] in ACCEPTED:
                self._smtp.sock.settimeout(patience)
                return
        except (OSError, smtplib.SMTPException) as error:
            log.debug("connection_gone", reason=type(error).__name__)
        self._smtp.close()

    @property
    def _smtp(self) -> PipeliningSMTP | None:
        return cast("PipeliningSMTP | None", self._backend.connection)

    def close(self) -> None:
        with suppress(OSError, smtplib.SMTPException):
            if self._smtp is not None and self._smtp.sock is not None:
                # The farewell is a courtesy: what a batch has to record must not wait long for its
                # answer.
                self._smtp.sock.settimeout(QUICK)
            self._backend.close()

    def _open(self, recipient: str) -> PipeliningSMTP:
        """Return the connection, opened anew where there is none, the last one was given up, or
        it has announced somebody else.
        """
        connection = self._smtp
        if connection is not None and connection.sock is not None:
            if connection.may_take(self._sender, recipient):
                return connection
            connection.close()
        self._backend.connection = None
        try:
            self._backend.open()
            connection = cast("PipeliningSMTP", self._backend.connection)
            connection.ehlo_or_helo_if_needed()
        except smtplib.SMTPResponseException as error:
            raise self._unusable(error.smtp_code, _words(error.smtp_error)) from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            self._backend.connection = None
            raise PermanentForAll(f"the server cannot be used as configured: {error}") from error
        except UnicodeError:
            self._backend.connection = None
            # Without its cause, which holds the password.
            raise PermanentForAll(
                "the server cannot be used as configured: name and password have to be ASCII"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            self._backend.connection = None
            if type(error) is smtplib.SMTPException:  # no way to log in that both sides know
                raise PermanentForAll(
                    f"the server cannot be used as configured: {error}"
                ) from error
            # What takes time to fail, as a silent server or a name that cannot be looked up, is not
            # to be tried on each connection.
            quick = isinstance(
                error, (ConnectionError, smtplib.SMTPServerDisconnected)
            ) and not isinstance(error.__cause__, TimeoutError)
            raise (NoRoom if quick else Throttled)(
                f"no connection: {type(error).__name__}"
            ) from error
        return connection

    def _unusable(self, code: int, words: str) -> HandOverError:
        """Say what a refused greeting or login means: one refused for good needs a person."""
        self._backend.connection = None
        return (NoRoom if code in FOR_THE_MOMENT else PermanentForAll)(f"{code} {words}")


@dataclass(frozen=True)
class SmtpTransport:
    """A mail server, as SMTP_URL names it. Two that are equal may use each other's connections."""

    width: int
    host: str
    port: int
    name = "smtp"
    takes_bytes = True
    blocks = False
    knows_repeats = False

    @classmethod
    def as_set(cls) -> "SmtpTransport":
        """Return the one that the settings name."""
        return cls(settings.CONNECTIONS_PER_WORKER, settings.EMAIL_HOST, settings.EMAIL_PORT)

    def connect(self) -> SmtpConnection:
        return SmtpConnection()


def _written(mail: Mail) -> bytes:
    try:
        return mail.dotted()
    except ValueError as error:
        raise PermanentForReader(f"the mail cannot be written: {type(error).__name__}") from error


def _in_ascii(address: str) -> str:
    """Return the address with its domain in ASCII, as in the mail's own header. One that has no
    such form stays as it is.
    """
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    with suppress(UnicodeError):
        return f"{local}@{punycode(domain)}"
    return address


def _words(said: bytes | str) -> str:
    """Return what the server said as text. It may hold addresses, which `HandOverError` redacts."""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _meaning(refused: Refused) -> HandOverError:
    """Say whom a refusal concerns, and whether it may pass: by RFC 5321 section 4.2.1 a 4yz may and
    a 5yz will not.

    The sender is the same for every mail, so its refusal concerns all.
    """
    reason = f"{refused.code} {_words(refused.words)}"
    if refused.code in FOR_THE_MOMENT:
        return (
            Throttled if refused.step is Step.SENDER or refused.code in LESS_PLEASE else Transient
        )(reason)
    return (PermanentForAll if refused.step is Step.SENDER else PermanentForReader)(reason)
