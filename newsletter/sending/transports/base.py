"""The small interface behind which every way out stands."""

from types import TracebackType
from typing import Protocol, Self

from newsletter.sending.mail import Mail


class Connection(Protocol):
    """One connection to a provider, kept open for a batch. Used by one thread."""

    def hand_over(self, mail: Mail) -> None:
        """Give the mail to the provider; return once it is accepted.

        Raises:
            HandOverError: the subclass says what became of it. The connection can be used again in any case.
        """

    def close(self) -> None:
        """Close; errors of a connection that is dead already do not matter."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Transport(Protocol):
    """A way out: makes connections. `name` is what books and logs call it.

    `takes_bytes` says that it wants each mail as a whole message, which costs far less to print than texts for a request.
    """

    name: str
    takes_bytes: bool

    def connect(self) -> Connection:
        """Return a connection that opens itself with its first mail."""


class Closing:
    """Closes at the end of a `with` block."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
