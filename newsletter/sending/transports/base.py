"""The small interface behind which every way out stands."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from newsletter.sending.mail import Mail


class Connection(Protocol):
    """One connection to a provider, kept open for many mails. Used by one thread at a time."""

    def hand_over(self, mail: Mail) -> None:
        """Give the mail to the provider; return once it is accepted.

        Raises:
            HandOverError: the subclass says what became of it. The connection can be used again in
                any case.
        """

    def steps(self, mail: Mail, following: str | None = None) -> Iterator[bool]:
        """Do the same in steps, each of which ends where the provider has to answer; true where
        that takes longest.

        Args:
            following: the address of the next mail over this connection, where it is known: its way
                may be prepared.
        """

    def rest(self) -> None:
        """Leave nothing half begun: no mail will come for a while."""

    def wake(self) -> None:
        """Find out whether the provider is still there, so that the next mail does not find a
        dead connection.
        """

    def close(self) -> None:
        """Close; errors of a connection that is dead already do not matter."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Transport(Protocol):
    """A way out: makes connections. `name` is what books and logs call it.

    `takes_bytes` says that it wants each mail as a whole message, which costs far less to print
    than texts for a request. `width` is how many connections a worker uses side by side; `blocks`
    says that each of them then needs a thread of its own. `knows_repeats` says that the provider
    recognises a mail by its key and never sends it twice: an uncertain one may go again.
    """

    @property
    def name(self) -> str: ...

    @property
    def takes_bytes(self) -> bool: ...

    @property
    def width(self) -> int: ...

    @property
    def blocks(self) -> bool: ...

    @property
    def knows_repeats(self) -> bool: ...

    def connect(self) -> Connection:
        """Return a connection that opens itself with its first mail."""


class Closing(ABC):
    """Closes at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Blocking(Closing):
    """A connection whose library waits by itself: its hand-over is a single step. It opens
    itself anew after it was closed.
    """

    def rest(self) -> None:
        """Close: a server that hangs up just as the next request leaves would make that one
        uncertain.
        """
        self.close()

    def wake(self) -> None:
        """The next mail opens it anew."""

    @abstractmethod
    def hand_over(self, mail: Mail) -> None:
        """Give the mail to the provider, as `Connection` says."""

    def steps(self, mail: Mail, following: str | None = None) -> Iterator[bool]:
        del following
        self.hand_over(mail)
        yield True


class Stepping(Closing):
    """A connection that can be left while the provider thinks."""

    def hand_over(self, mail: Mail) -> None:
        for _ in self.steps(mail):
            pass

    @abstractmethod
    def steps(self, mail: Mail, following: str | None = None) -> Iterator[bool]:
        """Do so in steps, as `Connection` says."""
