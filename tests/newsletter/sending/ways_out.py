"""Ways out for tests: small real transports that remember what they accepted and do what a
script says.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from newsletter.sending.mail import Mail
from newsletter.sending.transports.base import Blocking
from newsletter.sending.transports.outcomes import HandOverError


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may catch it."""


class Mailbox:
    """Accepts every mail, unless `script` says otherwise for its number (from 0) or its address."""

    name = "mailbox"
    takes_bytes = False
    width = 1
    blocks = True
    knows_repeats = False

    def __init__(
        self, script: Callable[[int, Mail], BaseException | None] = lambda _number, _mail: None
    ) -> None:
        self.accepted: list[Mail] = []
        self.tried = 0
        self.connections = 0
        self._script = script

    def connect(self) -> "MailboxConnection":
        self.connections += 1
        return MailboxConnection(self)

    def take(self, mail: Mail) -> None:
        number, self.tried = self.tried, self.tried + 1
        trouble = self._script(number, mail)
        if trouble is None or getattr(trouble, "accepted_first", False):
            self.accepted.append(mail)
        if trouble is not None:
            raise trouble

    @property
    def addresses(self) -> Counter[str]:
        return Counter(mail.address for mail in self.accepted)


class MailboxConnection(Blocking):
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def hand_over(self, mail: Mail) -> None:
        self._mailbox.take(mail)

    def close(self) -> None:
        pass


def after_accepting(trouble: BaseException) -> BaseException:
    trouble.accepted_first = True  # type: ignore[attr-defined]  # a mark of ours on any error
    return trouble


def always(make: Callable[[], HandOverError]) -> Callable[[int, Mail], BaseException | None]:
    return lambda _number, _mail: make()


class HandClock:
    """A clock that moves only by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now
