"""SMTP with the envelope in one write, and the next mail's envelope behind this one's content (RFC
2920): one round trip per mail.

Django's backend can use the two classes as its `connection_class`; TLS, login and EHLO are
smtplib's. A server that does not offer PIPELINING gets the same commands one by one.
"""

import enum
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

ACCEPTED = range(200, 300)
GO_AHEAD = range(354, 355)
REFUSAL = range(400, 600)
SERVICE_CLOSING = 421
_ADDRESS = re.compile(r"[!-;=?-~]+")
END_OF_CONTENT = b"\r\n.\r\n"
LEAST_PATIENCE = 1.0
"""Seconds that a reply is waited for even if it is overdue: it may lie there already."""
MOST_PATIENCE = 90.0
"""Seconds after which the reply to a content is overdue, however few of them it alone was waited
for.
"""
LONGEST_LINE = 8_192
"""Of a reply, in bytes; RFC 5321 section 4.5.3.1.5 allows 512."""
MOST_LINES = 1_000
"""Of a reply: a server that never comes to its end is left."""
TLS_RECORD = 2**14
"""The most that a record of TLS holds. A longer write is several records, and one that fails
does not say how many of them left.
"""


class Step(enum.Enum):
    """What was refused."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    CONTENT = "content"


class Refused(Exception):
    """The server refused the mail, so it has not accepted it. `words` are the server's and may
    hold an address.
    """

    def __init__(self, step: Step, code: int, words: bytes) -> None:
        super().__init__(f"{code} to the {step.value}")
        self.step = step
        self.code = code
        self.words = words


class CutOff(Exception):
    """The connection ended, or what came over it made no sense, and it was closed.

    `fate_known`: the end of the content had not left us, so the server cannot have accepted the
    mail (RFC 5321 section 4.1.1.4). Otherwise nobody here can tell.
    """

    def __init__(self, fate_known: bool, reason: str) -> None:
        super().__init__(reason)
        self.fate_known = fate_known


STEPS = ((Step.SENDER, ACCEPTED), (Step.RECIPIENT, ACCEPTED), (Step.DATA, GO_AHEAD))


class PipeliningSMTP(smtplib.SMTP):
    """A connection for many mails, each to one recipient. Used by one thread; `sock` is None
    once it is closed.
    """

    announced: tuple[str, str | None] | None = None
    """Sender and recipient of the next mail, as far as they are under way already: the sender alone
    if one command has to wait for the other. A mail that does not fit must take another connection.
    """
    _asked_at = 0.0
    """When the server was asked what it has not answered yet, by a clock that only goes forward."""
    _heard = b""
    """What came beyond the last reply that was read."""
    _heard_over: socket.socket | None = None

    def steps(
        self, sender: str, recipient: str, content: bytes, following: str | None = None
    ) -> Iterator[bool]:
        """Send one mail in steps, each of which ends where the server has to answer; true when it
        has the content.

        After the last step the server has accepted the mail. So one thread can serve several
        connections: while it waits for one, the others are at work.

        Args:
            sender: the envelope's sender, an ASCII address.
            recipient: likewise.
            content: the message as it goes over the wire: lines end in CRLF, leading dots are
                doubled, and the last line is a lone dot.
            following: the recipient of the next mail from the same sender, if it is certain to
                come: its envelope travels behind this
                content, where it can be written and the server allows that; elsewhere the sender
                alone is named once this mail was accepted. If no mail comes after all, close the
                connection; nothing is sent by it.

        Raises:
            Refused: the connection can be used again, unless `sock` is None.
            CutOff: the connection is closed.
            ValueError: when an address or the content cannot be sent; nothing was.
        """
        if not content.endswith(END_OF_CONTENT):
            raise ValueError("The content must end with a line that is a lone dot.")
        commands, pipelining = _envelope(sender, recipient), self.has_extn("pipelining")
        yield from self._agree(commands, pipelining, self._under_way(sender, recipient))
        if pipelining and following is not None and fits_envelope(following):
            self._write(b"".join([content, *_envelope(sender, following)]), decisive=len(content))
            self.announced = (sender, following)
        else:
            self._write(content, decisive=len(content))
        yield True
        refusal = self._refusal(Step.CONTENT, ACCEPTED)
        if refusal is not None:
            raise refusal
        if following is not None and not pipelining:
            with suppress(CutOff):  # which does not undo that the mail was accepted
                self._write(commands[0])
                self.announced = (sender, None)

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, as smtplib's own does through a file, which costs twice as much. One that
        is cut off is none.

        Returns:
            The code, -1 for a reply without one, and the words.

        Raises:
            smtplib.SMTPServerDisconnected: the connection ended; ours is closed.
            smtplib.SMTPResponseException: it is too long for a reply; ours is closed.
        """
        words: list[bytes] = []
        while len(words) <= MOST_LINES:
            line = self._line()
            words.append(line[4:].strip())
            code = int(line[:3]) if line[:3].isdigit() else -1
            if code < 0 or line[3:4] != b"-":
                return code, b"\n".join(words)
        raise self._too_long()

    def _line(self) -> bytes:
        """Return the server's next line without its end."""
        if self._heard_over is not self.sock:
            # What was sent in the clear must not pass for an answer over TLS.
            self._heard, self._heard_over = b"", self.sock
        while b"\n" not in self._heard and len(self._heard) <= LONGEST_LINE:
            try:
                came = b"" if self.sock is None else self.sock.recv(LONGEST_LINE)
            except OSError as error:
                self.close()
                raise smtplib.SMTPServerDisconnected(
                    f"the connection failed: {type(error).__name__}"
                ) from error
            if not came:
                self.close()
                raise smtplib.SMTPServerDisconnected("the connection ended")
            self._heard += came
        line, _, self._heard = self._heard.partition(b"\n")
        if len(line) > LONGEST_LINE:
            raise self._too_long()
        return line

    def _too_long(self) -> smtplib.SMTPResponseException:
        self.close()
        return smtplib.SMTPResponseException(500, b"the reply is too long")

    def close(self) -> None:
        """Close without a farewell. A mail whose content has not ended is not accepted."""
        self.announced = None
        super().close()

    def may_take(self, sender: str, recipient: str) -> bool:
        """Say whether that mail may be the next one here."""
        return self.announced in (None, (sender, None), (sender, recipient))

    def _under_way(self, sender: str, recipient: str) -> int:
        """Return how many commands of the envelope have left already."""
        if not self.may_take(sender, recipient):
            self.close()
            raise CutOff(True, "another mail was announced")
        announced, self.announced = self.announced, None
        if announced is None:
            return 0
        return 1 if announced[1] is None else len(STEPS)

    def _agree(self, commands: Sequence[bytes], together: bool, under_way: int) -> Iterator[bool]:
        """Bring the server to where it takes the content, with commands of which the first ones
        may have left already.
        """
        if together and not under_way:
            self._write(b"".join(commands))
            under_way = len(commands)
            yield False
        refusals = []
        for number, (step, fine) in enumerate(STEPS):
            if number >= under_way:
                self._write(commands[number])
                yield False
            refusal = self._refusal(step, fine)
            if refusal is not None:
                refusals.append(refusal)
            if refusals and (not together or self.sock is None):
                break
        if refusals:
            self._start_over(waiting_for_content=refusal is None)
            raise refusals[0]

    def _refusal(self, step: Step, fine: range) -> Refused | None:
        """Read the reply to a step; leave a connection that ends or is out of step."""
        try:
            code, words = self._reply_in_time(at_most=MOST_PATIENCE if step is Step.CONTENT else 0)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise CutOff(
                step is not Step.CONTENT, f"no reply to the {step.value}: {type(error).__name__}"
            ) from error
        if code in fine:
            return None
        if code not in REFUSAL:
            self.close()
            raise CutOff(
                step is not Step.CONTENT, f"a reply to the {step.value} that makes no sense: {code}"
            )
        if code == SERVICE_CLOSING:
            self.close()
        return Refused(step, code, words)

    def _reply_in_time(self, at_most: float) -> tuple[int, bytes]:
        """Read a reply. The time counts in which other connections were waited for, but for the
        first `at_most` seconds.

        Of many that fall silent all do so together, and one after the other they would outlast the
        worker: then nobody would know what became of the others. A content that has left gets more,
        since its fate is open, and a server may read one after the other.
        """
        waited = time.monotonic() - self._asked_at
        if (
            waited < LEAST_PATIENCE
            or self.sock is None
            or (patience := self.sock.gettimeout()) is None
        ):
            return self.getreply()
        self.sock.settimeout(min(patience, max(LEAST_PATIENCE, max(patience, at_most) - waited)))
        reply = self.getreply()
        self.sock.settimeout(patience)
        self._asked_at = time.monotonic()
        return reply

    def _start_over(self, *, waiting_for_content: bool) -> None:
        """Make the connection ready for another mail, or give it up: the refusal is what
        matters.
        """
        if self.sock is None:
            return
        patience = self.sock.gettimeout()
        with suppress(CutOff, OSError, smtplib.SMTPException):
            self.sock.settimeout(LEAST_PATIENCE)
            if waiting_for_content:
                # No recipient was taken, so the lone dot ends a mail to nobody (RFC 2920 section
                # 3.1).
                self._write(END_OF_CONTENT[2:])
                self.getreply()
            code, _ = self.rset()
            if code in ACCEPTED:
                self.sock.settimeout(patience)
                return
        self.close()

    def _write(self, data: bytes, decisive: int | None = None) -> None:
        """Write all of it. The mail's fate is open once `decisive` bytes are out; None: nothing
        in it decides.
        """
        sent, most = 0, TLS_RECORD if isinstance(self.sock, ssl.SSLSocket) else len(data)
        try:
            while sent < len(data):
                if self.sock is None:
                    raise smtplib.SMTPServerDisconnected("not connected")
                sent += self.sock.send(
                    memoryview(data)[sent : sent + most] if sent or most < len(data) else data
                )
            self._asked_at = time.monotonic()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise CutOff(
                decisive is None or sent < decisive, f"cut while writing: {type(error).__name__}"
            ) from error


class PipeliningSMTPOverTLS(PipeliningSMTP, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte on."""


def fits_envelope(address: str) -> bool:
    """Say whether an address can stand in an envelope as it is."""
    return _ADDRESS.fullmatch(address) is not None


def _envelope(sender: str, recipient: str) -> tuple[bytes, bytes, bytes]:
    """Return MAIL, RCPT and DATA, each a line."""
    return _mail_from(sender), b"RCPT TO:<%b>\r\n" % _for_envelope(recipient), b"DATA\r\n"


@lru_cache(maxsize=16)
def _mail_from(sender: str) -> bytes:
    return b"MAIL FROM:<%b>\r\n" % _for_envelope(sender)


def _for_envelope(address: str) -> bytes:
    if not fits_envelope(address):
        raise ValueError(
            "An address in the envelope is plain ASCII without spaces, line breaks and angle "
            "brackets."
        )
    return address.encode("ascii")
