"""What production's web server writes: one line of JSON for each request, without tokens."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time

import pytest

from subscriptions.tokens import Power, sign
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.slow


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
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    inherited = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    place = {
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "BEHIND_PROXY": "true",
        "STATIC_ROOT": str(tmp_path),
    }
    token = sign(Power.LEAVE, 1, 2)
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
        env=inherited | PRODUCTION | place,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as web:
        try:
            # No static files were collected here, so the page fails to render: a traceback is one
            # line too.
            assert ask(port, f"/u/{token}/") == 500
        finally:
            web.terminate()
        _nothing, said = web.communicate(timeout=60)
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line for line in lines if line["event"].startswith("GET /u/…/ 500, ")]
    assert [
        line for line in lines if "Missing staticfiles manifest entry" in line.get("exception", "")
    ]
    assert token not in said
