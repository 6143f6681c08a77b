"""Ways out that lead to nobody: each mail is built as a mail server would get it, and dropped."""

import time

from django.conf import settings

from newsletter.sending.mail import Mail
from newsletter.sending.transports.base import Blocking


class NullConnection(Blocking):
    """Builds the bytes of each mail, and drops them."""

    def hand_over(self, mail: Mail) -> None:
        mail.dotted()

    def close(self) -> None:
        """Nothing was opened."""


class NullTransport:
    name = "null"
    takes_bytes = True
    width = settings.CONNECTIONS_PER_WORKER
    blocks = False
    knows_repeats = False

    def connect(self) -> NullConnection:
        return NullConnection()


class WatchingConnection(NullConnection):
    """Tells its transport of each mail."""

    def __init__(self, transport: "WatchingTransport") -> None:
        self.transport = transport

    def hand_over(self, mail: Mail) -> None:
        if not self.transport.count:
            self.transport.first = (time.process_time(), time.monotonic())
        self.transport.count += 1
        super().hand_over(mail)


class WatchingTransport(NullTransport):
    """Counts the mails, and remembers when the first one came: `first` is this process's seconds of
    CPU and the machine's monotonic clock.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: tuple[float, float] | None = None

    def connect(self) -> NullConnection:
        return WatchingConnection(self)
