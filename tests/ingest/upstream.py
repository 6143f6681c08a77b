"""A real HTTP server with scripted answers and faults, in this process, on loopback.

    def test_a_page_is_read(upstream, client):
        upstream.script("/api/daily_papers?date=2026-01-09", json_reply([]),
        throttled(retry_after="120")) client.get(upstream.url("/api/daily_papers?date=2026-01-09"),
        now=NOW) assert upstream.requests[0].headers["user-agent"].startswith("Paperboy/")

Each request to a path takes its next reply, and the last one stays. A path is looked for with its
query first, then without. In place of a reply stands a function of the request, for pages that
change with the day or that answer to conditions. What is not scripted is 404.
"""

import gzip
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class SeenRequest:
    path: str
    """With its query, as it was sent."""
    headers: Mapping[str, str]
    """Lower-case names."""
    at: Any
    """What the upstream's clock said."""


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    piece: int = 0
    """Bytes per write; 0 sends all at once."""
    pause: float = 0
    """Seconds before each piece."""
    lacking: int = 0
    """Bytes at the end that Content-Length promises and nobody sends."""
    endless: bool = False
    """Send the body again and again, without a length, until the other side goes away."""
    silent: bool = False
    """Take the request and say nothing, until the server closes."""
    raw: bytes = b""
    """Sent in place of status, headers and body; may be anything but HTTP."""


Script = Reply | Callable[[SeenRequest], Reply]


def json_reply(value: object, **headers: str) -> Reply:
    return Reply(
        body=json.dumps(value).encode(),
        headers={"Content-Type": "application/json"} | _names(headers),
    )


def packed(body: bytes, **headers: str) -> Reply:
    """A body sent with gzip."""
    return Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"} | _names(headers))


@cache
def gzip_bomb(size: int = 200_000_000) -> Reply:
    """About a thousandth of `size` on the wire."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    zeros = bytes(1_000_000)
    body = b"".join(packer.compress(zeros) for _ in range(size // len(zeros))) + packer.flush()
    return Reply(
        body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )


def dripping(body: bytes, pause: float = 0.01) -> Reply:
    """One byte at a time, for ever."""
    return Reply(body=body, piece=1, pause=pause, endless=True)


def redirect(to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": to})


def throttled(
    retry_after: str | None = None, rate_limit: str | None = None, status: int = 429
) -> Reply:
    told = {"Retry-After": retry_after, "RateLimit": rate_limit}
    return Reply(status, headers={name: value for name, value in told.items() if value is not None})


def validated(body: bytes, etag: str = '"one"') -> Callable[[SeenRequest], Reply]:
    """Answer 304 to whoever has this ETag already."""

    def answer(request: SeenRequest) -> Reply:
        if request.headers.get("if-none-match") == etag:
            return Reply(304, headers={"ETag": etag})
        return Reply(body=body, headers={"ETag": etag})

    return answer


class Upstream:
    """The server. Use it as a context manager, or by the `upstream` fixture; `requests` are those
    seen so far, oldest first.

    `clock` says when a request came, such as a simulated clock. `errors` are exceptions of scripted
    functions; the fixture raises them.
    """

    def __init__(
        self, *, clock: Callable[[], Any] = time.monotonic, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[SeenRequest] = []
        self.errors: list[Exception] = []
        self._scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._clock = clock
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._scheme = "https" if tls else "http"

    def __enter__(self) -> "Upstream":
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def script(self, path: str, *replies: Script) -> None:
        """Set what is answered at `path`, in place of what was set before."""
        with self._lock:
            self._scripts[path] = list(replies)

    def reply_to(self, path: str, headers: Mapping[str, str]) -> Reply:
        request = SeenRequest(path, headers, self._clock())
        with self._lock:
            self.requests.append(request)
            script = (
                self._scripts.get(path) or self._scripts.get(path.partition("?")[0]) or [Reply(404)]
            )
            reply = script.pop(0) if len(script) > 1 else script[0]
        return reply if isinstance(reply, Reply) else reply(request)

    def wait(self, seconds: float | None) -> bool:
        """Wait, and return whether the server is closing."""
        return self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: Upstream


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        try:
            self._reply(
                self.server.upstream.reply_to(
                    self.path, {name.lower(): value for name, value in self.headers.items()}
                )
            )
        except ConnectionError:  # the client had enough, which is what most faults are for
            self.close_connection = True
        except Exception as error:  # noqa: BLE001  # of a scripted function: the fixture raises it again in the test
            self.server.upstream.errors.append(error)
            self.close_connection = True

    def _reply(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.silent:
            self.server.upstream.wait(None)
        elif reply.raw:
            self._write(reply.raw, reply)
        else:
            self._say(reply)

    def _say(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not reply.endless and reply.status not in {204, 304}:
            self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self._write(reply.body[: len(reply.body) - reply.lacking], reply)

    def _write(self, body: bytes, reply: Reply) -> None:
        for piece in _pieces(body, reply):
            if reply.pause and self.server.upstream.wait(reply.pause):
                return
            self.wfile.write(piece)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name is http.server's
        """Say nothing: tests read `requests`."""


def _pieces(body: bytes, reply: Reply) -> Iterator[bytes]:
    size = reply.piece or max(len(body), 1)
    while True:
        for start in range(0, len(body), size):
            yield body[start : start + size]
        if not reply.endless:
            return


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names from keyword arguments: last_modified is Last-Modified."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
