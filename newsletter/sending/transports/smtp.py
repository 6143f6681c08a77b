"""SMTP over a connection that is kept open, taken step by step so that the moment of an error tells what it means.

Before the last dot of DATA the server has accepted nothing, whatever happens (RFC 5321 section 4.1.1.4); between the dot and its reply
nobody knows. Django's backend opens the connection (TLS, login); smtplib speaks the protocol.
"""

import re
import smtplib
import ssl
from contextlib import suppress
from email.utils import parseaddr
from typing import cast

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from newsletter.sending.mail import Mail
from newsletter.sending.transports.base import Closing
from newsletter.sending.transports.outcomes import HandOverError, PermanentForAll, PermanentForReader, Throttled, Transient, Uncertain

SERVICE_CLOSING = 421
TEMPORARY_LOGIN_FAILURE = 454
GO_AHEAD = 354
ACCEPTED = range(200, 300)
FOR_THE_MOMENT = range(400, 500)
_LINE_WITH_DOT = re.compile(rb"(?m)^\.")
_ADDRESS = re.compile(r"\S+@\S+")


class SmtpConnection(Closing):
    """One SMTP connection."""

    def __init__(self) -> None:
        self._backend = EmailBackend(fail_silently=False)
        self._sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]

    def hand_over(self, mail: Mail) -> None:
        content = _written(mail)
        smtp = self._open()
        try:
            self._envelope(smtp, mail.address)
            self._content(smtp, content)
        except HandOverError:
            self._reset(smtp)
            raise

    def close(self) -> None:
        with suppress(OSError, smtplib.SMTPException):
            self._backend.close()

    def _open(self) -> smtplib.SMTP:
        if self._backend.connection is None:
            try:
                self._backend.open()
                cast("smtplib.SMTP", self._backend.connection).ehlo_or_helo_if_needed()
            except smtplib.SMTPResponseException as error:
                self._drop()
                raise _refused_connection(error.smtp_code, _words(error.smtp_error)) from error
            except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
                self._drop()
                raise PermanentForAll(f"the server cannot be used as configured: {error}") from error
            except (OSError, smtplib.SMTPException) as error:
                self._drop()
                raise Throttled(f"no connection: {type(error).__name__}") from error
        return cast("smtplib.SMTP", self._backend.connection)

    def _envelope(self, smtp: smtplib.SMTP, address: str) -> None:
        try:
            code, words = smtp.mail(self._sender)
            if code not in ACCEPTED:
                raise _refused_sender(code, _words(words))
            code, words = smtp.rcpt(address)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Transient(f"cut before the content: {type(error).__name__}") from error
        except (UnicodeError, ValueError) as error:
            raise PermanentForReader("the address cannot be written in SMTP") from error
        if code not in ACCEPTED:
            raise _refused_mail(code, _words(words))

    def _content(self, smtp: smtplib.SMTP, content: bytes) -> None:
        try:
            smtp.putcmd("data")
            code, words = smtp.getreply()
            if code != GO_AHEAD:
                raise _refused_mail(code, _words(words))
            smtp.send(content)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Transient(f"cut within the content: {type(error).__name__}") from error
        try:
            code, words = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Uncertain(f"no answer after the content: {type(error).__name__}") from error
        if code not in ACCEPTED:
            raise _refused_mail(code, _words(words))

    def _reset(self, smtp: smtplib.SMTP) -> None:
        """Make the connection ready for the next mail, or give it up."""
        if self._backend.connection is None:
            return
        try:
            code, _ = smtp.rset()
        except (OSError, smtplib.SMTPException):
            code = -1
        if code not in ACCEPTED:
            self._drop()

    def _drop(self) -> None:
        """Forget the connection without a farewell: QUIT on a dead one would wait for the time-out again."""
        if self._backend.connection is not None:
            self._backend.connection.close()
            self._backend.connection = None


class SmtpTransport:
    """A mail server, as SMTP_URL names it."""

    name = "smtp"

    def connect(self) -> SmtpConnection:
        return SmtpConnection()


def _written(mail: Mail) -> bytes:
    try:
        return _for_the_wire(mail.content())
    except ValueError as error:
        raise PermanentForReader(f"the mail cannot be written: {type(error).__name__}") from error


def _for_the_wire(content: bytes) -> bytes:
    """Double the dots that begin a line, and end with the dot that ends the mail (RFC 5321 section 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = _LINE_WITH_DOT.sub(b"..", content)
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


def _words(said: bytes | str) -> str:
    """Return what the server said, without any address in it."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return _ADDRESS.sub("<address>", " ".join(text.split()))


def _refused_connection(code: int, words: str) -> HandOverError:
    """Login refused for good needs a person; anything else may pass."""
    if code in FOR_THE_MOMENT:
        return Throttled(f"{code} {words}")
    return PermanentForAll(f"{code} {words}")


def _refused_sender(code: int, words: str) -> HandOverError:
    """The sender is the same for every mail, so its refusal concerns all."""
    if code in FOR_THE_MOMENT:
        return Throttled(f"{code} {words}")
    return PermanentForAll(f"{code} {words}")


def _refused_mail(code: int, words: str) -> HandOverError:
    """A recipient or content refused: by RFC 5321 section 4.2.1 a 4yz may pass and a 5yz will not."""
    if code in (SERVICE_CLOSING, TEMPORARY_LOGIN_FAILURE):
        return Throttled(f"{code} {words}")
    if code in FOR_THE_MOMENT:
        return Transient(f"{code} {words}")
    return PermanentForReader(f"{code} {words}")
