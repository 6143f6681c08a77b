"""What production's web server answers and writes: one line of JSON for each request, without
tokens.
"""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from subscriptions.tokens import Power, sign, signer
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.slow

MAKE_READERS = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.subscriptions.readers import a_reader
for number in range(1, {readers} + 1):
    a_reader(f"reader{{number}}@example.org", pk=number)
"""


@dataclass
class Web:
    """A web server of production that runs on a database of its own."""

    port: int
    process: subprocess.Popen[str]

    def stop(self) -> list[dict[str, str]]:
        """Stop it and return the lines it wrote."""
        self.process.terminate()
        _nothing, said = self.process.communicate(timeout=60)
        return [json.loads(line) for line in said.splitlines()]


def environment(folder: Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    place = {
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "BEHIND_PROXY": "true",
        "STATIC_ROOT": str(folder),
        "DJANGO_SETTINGS_MODULE": "newsletter.settings",
    }
    return inherited | PRODUCTION | place


@contextmanager
def running(folder: Path) -> Iterator[Web]:
    """Run the web server with a free port and one worker; it is killed if nobody stops it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:newsletter.webserver",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "1",
    ]
    with subprocess.Popen(
        command,
        env=environment(folder),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Web(port, process)
        finally:
            process.kill()


def ask(port: int, path: str) -> int:
    """Ask until the server is there; return the status."""
    deadline = time.monotonic() + 120
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(
                "GET", path, headers={"Host": "paperboy.example.org", "X-Forwarded-Proto": "https"}
            )
            return connection.getresponse().status
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            connection.close()


def test_every_line_is_json_and_no_token_is_in_any(tmp_path):
    token = sign(Power.LEAVE, 1, 2)
    with running(tmp_path) as web:
        # No static files were collected here, so the page fails to render: a traceback is one
        # line too.
        assert ask(web.port, f"/u/{token}/") == 500
        assert ask(web.port, f"/U/%20{token}%0D%0A") == 500
        lines = web.stop()
    assert [line for line in lines if line["event"].startswith("GET /u/…/ 500, ")]
    assert [line for line in lines if line["event"].startswith("GET /U/ …\r\n 500, ")]
    assert [
        line for line in lines if "Missing staticfiles manifest entry" in line.get("exception", "")
    ]
    assert token not in str(lines)


URLENCODED = "Content-Type: application/x-www-form-urlencoded\r\n"
ONE_CLICK = b"List-Unsubscribe=One-Click"


def plain(body: bytes, headers: str = URLENCODED) -> tuple[str, bytes]:
    return f"{headers}Content-Length: {len(body)}\r\n", body


def chunked(*chunks: bytes) -> tuple[str, bytes]:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    return f"{URLENCODED}Transfer-Encoding: chunked\r\n", body


LONGER_THAN_DJANGO_READS = b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
BODIES: dict[str, tuple[str, bytes]] = {
    "as RFC 8058 has it": plain(ONE_CLICK),
    "with a line end": plain(ONE_CLICK + b"\r\n"),
    "empty": plain(b""),
    "without a length": ("", b""),
    "chunked": chunked(ONE_CLICK),
    "in two chunks": chunked(ONE_CLICK[:9], ONE_CLICK[9:]),
    "chunked and empty": chunked(),
    "long": plain(LONGER_THAN_DJANGO_READS),
    "long and chunked": chunked(*[LONGER_THAN_DJANGO_READS] * 3),
    "announced": plain(ONE_CLICK, f"Expect: 100-continue\r\n{URLENCODED}"),
    "with broken chunks": (f"{URLENCODED}Transfer-Encoding: chunked\r\n", b"zz\r\nList"),
    "cut short": (f"{URLENCODED}Content-Length: 2600\r\n", ONE_CLICK),
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def one_click(port: int, path: str, headers: str, body: bytes) -> Answer:
    """Post as a mail system does that sends all of its body before it reads the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: paperboy.example.org\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())


def states(folder: Path) -> list[str]:
    """Return the state of every reader."""
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        found = database.execute("SELECT state FROM subscriptions_subscriber ORDER BY id")
        return [state for (state,) in found]


def test_one_click_leaves_whatever_body_comes_with_it(tmp_path):
    """Over plain HTTP, with nothing running but the web server and the database."""
    subprocess.run(
        [sys.executable, "-c", MAKE_READERS.format(readers=len(BODIES) + 1)],
        env=environment(tmp_path),
        cwd=settings.BASE_DIR,
        check=True,
    )
    assert states(tmp_path) == ["active"] * (len(BODIES) + 1)
    token = signer(Power.LEAVE, PRODUCTION["SECRET_KEY"])
    with running(tmp_path) as web:
        assert ask(web.port, "/robots.txt") == 200
        for number, (name, (headers, body)) in enumerate(BODIES.items(), start=1):
            answer = one_click(web.port, f"/u/{token(number, 7)}/", headers, body)
            assert (answer.status, answer.body) == (200, b"You are unsubscribed.\n"), name
            assert "Set-Cookie" not in answer.headers, name
        web.stop()
    assert states(tmp_path) == ["unsubscribed"] * len(BODIES) + ["active"]
