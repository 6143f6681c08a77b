"""The socket side: look a name up once, judge every address it has, connect to one of just
those, and keep the deadline on every wait.
"""

import socket
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

import httpcore

from ingest.http.addresses import AddressRules
from ingest.http.deadline import Deadline
from ingest.http.faults import Fault, UpstreamError

MOST_ADDRESSES = 4
"""How many addresses of one host are tried, as a host may have dozens."""


class PublicNetwork(httpcore.NetworkBackend):
    """Connects to public addresses only.

    The name is looked up here and the connection goes to the number that was judged, so a name
    server that changes its answer between two questions (DNS rebinding) gains nothing. TLS and the
    Host header keep the name: httpcore takes them from the request.
    """

    def __init__(self, rules: AddressRules, deadline: Deadline) -> None:
        self._rules = rules
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers, each within `timeout` seconds.

        Raises:
            UpstreamError: FORBIDDEN, when any of its addresses is not public: a mixed answer is an
                attack or a mistake.
        """
        addresses = look_up(host, port, self._deadline)
        for address in addresses:
            self._rules.check_address(host, address)
        failure: Exception | None = None
        for address in addresses[:MOST_ADDRESSES]:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._deadline.at_most(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure or UpstreamError(Fault.UNREACHABLE, f"{host} has no address.")


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the visit's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.at_most(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.at_most(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(
            ssl_context, server_hostname, self._deadline.at_most(timeout)
        )
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def look_up(host: str, port: int, deadline: Deadline) -> list[str]:
    """Return the numeric addresses of a host, in the order to try them.

    The system's look-up knows no time limit and cannot be stopped, so it runs in a thread that is
    left behind when it takes too long.

    Raises:
        UpstreamError: UNREACHABLE, when the name has no address; TIMED_OUT, when the deadline comes
            first.
    """
    answer: Future[list[str]] = Future()
    threading.Thread(
        target=_look_up_into, args=(answer, host, port), name=f"look up {host}", daemon=True
    ).start()
    try:
        return answer.result(deadline.at_most(None))
    except TimeoutError as error:
        raise UpstreamError(
            Fault.TIMED_OUT, f"Looking up {host} took longer than {deadline.seconds:g} seconds."
        ) from error
    except (OSError, UnicodeError) as error:
        raise UpstreamError(
            Fault.UNREACHABLE, f"The name {host} has no address: {error}."
        ) from error


def _look_up_into(answer: Future[list[str]], host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001  # the thread that waits for the answer raises it
        answer.set_exception(error)
    else:
        answer.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))
