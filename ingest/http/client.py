"""PoliteClient: one GET, asked once, bounded in time and size, of a public https address.

httpx reads addresses and headers; the connection is httpcore's, below httpx, because addresses are
judged and deadlines kept at the socket. Proxies of the environment are not used: behind one, we
could not know where a connection ends.
"""

import functools
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpcore
import httpx

from ingest.http.addresses import AddressRules, place
from ingest.http.answer import Answer, Validators
from ingest.http.deadline import Deadline, Monotonic
from ingest.http.faults import Fault, UpstreamError
from ingest.http.network import PublicNetwork
from ingest.http.unpacking import unpacked
from ingest.http.waits import told_wait, used_up

NO_VALIDATORS = Validators()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASK_FOR_PATIENCE = frozenset({408, 425})
_TOLD_BY_UPSTREAM = ("x-error-code", "x-error-message", "x-request-id")
"""Headers in which an upstream explains an error and names the request, for when staff write to
it.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large one visit may be. `total_seconds` covers everything, redirects
    included, however slowly bytes drip in.
    """

    connect_seconds: float = 5
    read_seconds: float = 30
    total_seconds: float = 20
    body_bytes: int = 10_000_000
    redirects: int = 5


DEFAULT_LIMITS = Limits()


class PoliteClient:
    """Asks an upstream once and says what it answered. It knows nothing of spacing and retries: see
    `visits`.

    `user_agent` names us and how to reach us. `plain_http_hosts` are the hosts that may be asked
    without TLS. `allow_loopback` is for tests. `tls` replaces the trusted certificates.
    """

    def __init__(
        self,
        user_agent: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        plain_http_hosts: frozenset[str] = frozenset(),
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        clock: Monotonic = time.monotonic,
    ) -> None:
        self._user_agent = user_agent
        self._limits = limits
        self._rules = AddressRules(plain_http_hosts, allow_loopback)
        self._tls = tls
        self._clock = clock

    def get(
        self,
        url: str,
        *,
        now: datetime,
        validators: Validators = NO_VALIDATORS,
        accept: str = "*/*",
        authorization: str = "",
        redirect_hosts: frozenset[str] = frozenset(),
        total_seconds: float | None = None,
    ) -> Answer:
        """Return the answer to a GET, after at most five redirects that stay on the same host or go
        to one of `redirect_hosts`.

        With `validators` an unchanged page is a good answer without a body (`not_modified`).
        `authorization` is sent to the first host alone. `total_seconds` replaces the client's
        limit.

        Raises:
            UpstreamError: when there is no such answer; its `retry_at` is set only where the
                upstream gave a time.
        """
        deadline = Deadline(total_seconds or self._limits.total_seconds, self._clock)
        target = self._rules.check(url)
        hosts = redirect_hosts | {target.host}
        headers = self._headers(validators, accept)
        with self._connections(deadline) as pool:
            for _ in range(self._limits.redirects + 1):
                private = (
                    {"Authorization": authorization}
                    if authorization and target.host == httpx.URL(url).host
                    else {}
                )
                with self._response(pool, target, headers | private) as response:
                    if response.status not in _REDIRECTS:
                        return self._answer(response, target, deadline, validators, now)
                    target = self._redirected(target, response, hosts)
        raise UpstreamError(
            Fault.FORBIDDEN,
            f"{place(target)} is one redirect too many; at most {self._limits.redirects} are "
            "followed.",
        )

    def _headers(self, validators: Validators, accept: str) -> dict[str, str]:
        always = {
            "User-Agent": self._user_agent,
            "Accept": accept,
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        return always | validators.conditions()

    def _connections(self, deadline: Deadline) -> httpcore.ConnectionPool:
        """Return connections of this visit alone: what was judged for one visit is never used
        again in another.
        """
        return httpcore.ConnectionPool(
            ssl_context=self._tls or _trusted(),
            network_backend=PublicNetwork(self._rules, deadline),
        )

    @contextmanager
    def _response(
        self, pool: httpcore.ConnectionPool, url: httpx.URL, headers: dict[str, str]
    ) -> Iterator[httpcore.Response]:
        seconds = {
            "connect": self._limits.connect_seconds,
            "read": self._limits.read_seconds,
            "write": self._limits.read_seconds,
        }
        wire_url = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        wire_headers = [("Host", url.netloc.decode("ascii")), *headers.items()]
        try:
            with pool.stream(
                "GET", wire_url, headers=wire_headers, extensions={"timeout": seconds}
            ) as response:
                yield response
        except httpcore.TimeoutException as error:
            raise UpstreamError(Fault.TIMED_OUT, f"{place(url)} did not answer in time.") from error
        except httpcore.NetworkError as error:
            raise UpstreamError(
                Fault.UNREACHABLE, f"{place(url)} cannot be reached: {error}."
            ) from error
        except httpcore.ProtocolError as error:
            raise UpstreamError(
                Fault.BROKEN, f"{place(url)} did not answer in whole: {error}."
            ) from error

    def _redirected(
        self, source: httpx.URL, response: httpcore.Response, hosts: frozenset[str]
    ) -> httpx.URL:
        location = _headers_of(response).get("location", "")
        if not location:
            raise UpstreamError(
                Fault.BROKEN,
                f"{place(source)} redirects, but does not say where to.",
                status=response.status,
            )
        try:
            joined = str(source.join(location))
        except (httpx.InvalidURL, ValueError) as error:
            raise UpstreamError(
                Fault.FORBIDDEN,
                f"{place(source)} redirects to what is not a web address.",
                status=response.status,
            ) from error
        target = self._rules.check(joined)
        if target.host not in hosts:
            message = (
                f"{place(source)} redirects to another host, {place(target)}. If that is right, "
                "enter that address."
            )
            raise UpstreamError(Fault.FORBIDDEN, message, status=response.status)
        return target

    def _answer(
        self,
        response: httpcore.Response,
        url: httpx.URL,
        deadline: Deadline,
        validators: Validators,
        now: datetime,
    ) -> Answer:
        headers = _headers_of(response)
        heard_at = now + timedelta(seconds=deadline.elapsed)
        if response.status == 304 and validators.conditions():
            # A 304 may leave out what has not changed (RFC 9110 section 15.4.5).
            fresh = Validators.of(headers)
            kept = Validators(
                fresh.etag or validators.etag, fresh.last_modified or validators.last_modified
            )
            return Answer(304, headers, b"", str(url), kept, used_up(headers, heard_at))
        if response.status != 200:
            raise _refusal(response.status, headers, url, heard_at)
        body = unpacked(
            response.iter_stream(), headers.get("content-encoding", ""), self._limits.body_bytes
        )
        return Answer(
            200, headers, body, str(url), Validators.of(headers), used_up(headers, heard_at)
        )


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the usual trusted certificates; reading them takes some 20 ms, so once a process."""
    return httpx.create_ssl_context()


def _headers_of(response: httpcore.Response) -> dict[str, str]:
    """Return lower-case names and values; a repeated header's values are joined by commas (RFC
    9110 section 5.3).
    """
    return dict(httpx.Headers(response.headers))


def _refusal(status: int, headers: dict[str, str], url: httpx.URL, now: datetime) -> UpstreamError:
    told = "".join(
        f" {name}: {_printable(headers[name])}." for name in _TOLD_BY_UPSTREAM if headers.get(name)
    )
    message = f"{place(url)} answered {status}.{told}"
    if status == 429:
        return UpstreamError(
            Fault.THROTTLED, message, status=status, retry_at=told_wait(headers, now)
        )
    if status >= 500 or status in _ASK_FOR_PATIENCE:
        return UpstreamError(
            Fault.UNAVAILABLE, message, status=status, retry_at=told_wait(headers, now)
        )
    return UpstreamError(Fault.REFUSED if status >= 400 else Fault.BROKEN, message, status=status)


def _printable(text: str) -> str:
    return "".join(character for character in text[:200] if character.isprintable())
