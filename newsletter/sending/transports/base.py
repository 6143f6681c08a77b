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
            HandOverError: the subclass says what became of it. The connection can be used again in any case.
        """

    def steps(self, mail: Mail, following: str | None = None) -> Iterator[None]:
        """Do the same in steps, each of which ends where the provider has to answer.

        Args:
            following: the address of the next mail over this connection, where it is known: its way may be prepared.
        """

    def close(self) -> None:
        """Close; errors of a connection that is dead already do not matter."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Transport(Protocol):
    """A way out: makes connections. `name` is what books and logs call it.

    `takes_bytes` says that it wants each mail as a whole message, which costs far less to print than texts for a request. `width` is
    how many connections a worker uses side by side; `blocks` says that each of them then needs a thread of its own.
    `knows_repeats` says that the provider recognises a mail by its key and never sends it twice: an uncertain one may go again.
    """

    name: str
    takes_bytes: bool
    width: int
    blocks: bool
    knows_repeats: bool

    def connect(self) -> Connection:
        """Return a connection that opens itself with its first mail."""


class Closing(ABC):
    """Closes at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Blocking(Closing):
    """A connection whose library waits by itself: its hand-over is a single step."""

    @abstractmethod
    def hand_over(self, mail: Mail) -> None:
        """Give the mail to the provider, as `Connection` says."""

    def steps(self, mail: Mail, following: str | None = None) -> Iterator[None]:
        del following
        self.hand_over(mail)
        yield


class Stepping(Closing):
    """A connection that can be left while the provider thinks."""

    def hand_over(self, mail: Mail) -> None:
        for _ in self.steps(mail):
            pass

    @abstractmethod
    def steps(self, mail: Mail, following: str | None = None) -> Iterator[None]:
        """Do so in steps, as `Connection` says."""
